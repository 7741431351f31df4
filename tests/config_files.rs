//! The shipped configuration loads as it is, and a wrong one is told all its problems at once.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

#[path = "config_files/packaged.rs"]
mod packaged;
#[path = "support/written.rs"]
mod written;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sluss::config::{Auth, Config, ControlConfig, ObjectStoreConfig, SqlConfig, TenantScope};
use sluss::model::id::IdKind;
use sluss::model::phase::Phase;
use written::{load, problems, written};

const MAIN: &str = r#"auth = "none"

[listeners]

[control]
database = "sqlite:../data/control.db"

[limits]

[agents]
"#;

const TENANT: &str = r#"phase = "shadow"

[sql]
database = "sqlite:../../data/acme.db"

[collections.documents]
table = "documents"
id = "id"
id_type = "integer"
content = "content"

[objects]
disk = "../../data/objects"
"#;

const TOKEN: &str = r#"
[[tokens]]
name = "app"
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
tenants = ["*"]
rights = ["read", "write"]
"#;

/// What is wrong once this line of a sound `sluss.toml` reads otherwise.
fn problems_of_main(line: &str, instead: &str) -> Vec<String> {
    assert!(MAIN.contains(line), "{line}");
    problems(&MAIN.replacen(line, instead, 1), &[("acme.toml", TENANT)])
}

fn problems_of_tenant(line: &str, instead: &str) -> Vec<String> {
    assert!(TENANT.contains(line), "{line}");
    problems(MAIN, &[("acme.toml", &TENANT.replacen(line, instead, 1))])
}

fn problems_of_tokens(tokens: &str) -> Vec<String> {
    problems(&format!("{}{tokens}", MAIN.replace("\"none\"", "\"tokens\"")), &[("acme.toml", TENANT)])
}

#[test]
fn every_shipped_file_loads() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway-config");
    let config = Config::load(&shipped.join("sluss.toml")).unwrap_or_else(|problems| panic!("{problems}"));
    let mut files: Vec<PathBuf> = fs::read_dir(shipped.join("tenants")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let names: Vec<&str> = files.iter().map(|file| file.file_stem().unwrap().to_str().unwrap()).collect();
    let tenants: Vec<&str> = config.tenants.iter().map(|tenant| tenant.id.as_str()).collect();
    assert_eq!(tenants, names);
    assert_eq!(fs::read_dir(&shipped).unwrap().count(), 2, "a file that no test loads");
    let kinds: Vec<IdKind> = config.tenants.iter().map(|tenant| tenant.collections[0].id_kind).collect();
    assert_eq!(kinds, [IdKind::Integer, IdKind::Uuid, IdKind::Integer, IdKind::Integer, IdKind::Integer]);
    let placements: Vec<usize> = config.tenants.iter().map(|tenant| tenant.objects.len()).collect();
    assert_eq!(placements, [1, 1, 1, 1, 2]);
}

#[test]
fn settings_arrive_and_paths_are_relative_to_their_file() {
    let main = MAIN
        .replace("[listeners]", "[listeners]\ndocuments = \"[::1]:0\"")
        .replace("[limits]", "[limits]\nbuffer_bytes = \"128MiB\"\nheader_timeout = \"500ms\"")
        .replace("[agents]", "[agents]\nbytes_per_second = 1_000_000\nretry_cap = \"1h\"");
    let folder = written(&main, &[("acme.toml", TENANT)]);
    let root = folder.path().canonicalize().unwrap();
    let config = load(&folder).unwrap();
    assert!(matches!(config.auth, Auth::None));
    assert_eq!(config.listeners.documents, "[::1]:0".parse::<SocketAddr>().unwrap());
    assert_eq!(config.control, ControlConfig::Sqlite { path: root.join("data/control.db") });
    assert_eq!((config.limits.buffer_bytes, config.limits.header_timeout), (128 << 20, Duration::from_millis(500)));
    assert_eq!((config.agents.bytes_per_second, config.agents.backoff.cap), (Some(1_000_000), Duration::from_secs(3600)));
    let tenant = &config.tenants[0];
    assert_eq!((tenant.id.as_str(), tenant.initial_phase, tenant.objects[0].prefix.as_str()), ("acme", Phase::Shadow, "acme/"));
    let SqlConfig::Sqlite(sqlite) = &tenant.sql else { panic!("{:?}", tenant.sql) };
    assert_eq!(sqlite.path, root.join("data/acme.db"));
    assert_eq!(tenant.objects[0].store, ObjectStoreConfig::Disk { root: root.join("data/objects") });
    assert_eq!(tenant.collections[0].modified_column, None);
}

#[test]
fn five_mistakes_in_two_files_are_five_problems_with_file_line_key_and_nearest_name() {
    let main = MAIN
        .replace("[limits]", "[limits]\nbuffer_byte = \"64MiB\"\nqueue_timeout = \"soon\"")
        .replace("[agents]", "[agents]\npoll_min = \"1m\"");
    let tenant = TENANT.replace("id_type = \"integer\"", "id_type = \"number\"").replace("disk =", "dsk =");
    assert_eq!(
        problems(&main, &[("acme.toml", &tenant)]),
        [
            "sluss.toml:9: limits.buffer_byte: unknown key, did you mean \"buffer_bytes\"?",
            "sluss.toml:10: limits.queue_timeout: \"soon\" is not a duration such as \"500ms\", \"30s\", \"5m\" or \"1h\"",
            "sluss.toml:13: agents.poll_min: 1m is above poll_max = 30s",
            "tenants/acme.toml:9: collections.documents.id_type: \"number\" is not known: say \"integer\", \"text\" or \"uuid\"",
            "tenants/acme.toml:13: objects.dsk: unknown key, did you mean \"disk\"?",
        ]
    );
}

#[test]
fn the_whole_report_is_a_line_each_and_their_count() {
    let folder = written(&MAIN.replace("[limits]", "[limits]\nbuffer_byte = 1\n[agent]"), &[("acme.toml", TENANT)]);
    let text = load(&folder).unwrap_err().to_string();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains(": agent: unknown key, did you mean \"agents\"?\n"), "{text}");
    assert!(text.ends_with("\n2 problems in the configuration"), "{text}");
}

/// Each case is wrong in one way, and that is all that is told.
fn assert_single(cases: &[(Vec<String>, &str)]) {
    for (found, expected) in cases {
        assert_eq!(found, &[*expected]);
    }
}

#[test]
fn who_may_call_has_to_be_said() {
    assert_single(&[
        (problems_of_main(r#"auth = "none""#, ""), r#"sluss.toml: auth: is missing: say "none" or "tokens""#),
        (problems_of_main(r#""none""#, r#""off""#), r#"sluss.toml:1: auth: "off" is not known: say "none" or "tokens""#),
        (
            problems_of_main(r#""none""#, r#""tokens""#),
            r#"sluss.toml: tokens: is missing: with auth = "tokens" nobody gets in without one"#,
        ),
    ]);
}

#[test]
fn tables_and_paths_are_what_they_should_be() {
    assert_single(&[
        (problems_of_main("[limits]", "zzz = 1\n[limits]"), "sluss.toml:8: control.zzz: unknown key, known here: database"),
        (problems_of_main("[limits]", "[[limits]]"), "sluss.toml:8: limits: needs a table, found array"),
        (
            problems_of_main("database =", "#"),
            r#"sluss.toml:5: control.database: is missing: write "sqlite:" and a path, or name a server beside it"#,
        ),
        (problems_of_main("sqlite:../data/control.db", "sqlite:"), r#"sluss.toml:6: control.database: "" is not a path"#),
    ]);
}

#[test]
fn limits_are_sizes_durations_and_counts_within_bounds() {
    let limits = |line: &str| problems_of_main("[limits]", &format!("[limits]\n{line}"));
    let size = r#"a size such as "64MiB", "1GB" or a number of bytes"#;
    let duration = r#"a duration such as "500ms", "30s", "5m" or "1h""#;
    for (line, reason) in [
        (r#"buffer_bytes = "1MiB""#, "1MiB is below the minimum of 16MiB"),
        (r#"max_document_bytes = "2GiB""#, "2GiB is above the maximum of 2146435071 bytes"),
        (r#"min_rate = "fast""#, &format!(r#""fast" is not {size}"#)),
        ("concurrent_requests = 0", "0 is below the minimum of 1"),
        (r#"concurrent_requests = "9""#, "needs an integer, found string"),
        ("concurrent_requests = -1", r#""-1" is out of range"#),
        ("store_timeout = 10", &format!("needs {duration}, found integer")),
        (r#"drain_timeout = "-1s""#, r#""-1s" is negative"#),
    ] {
        let key = line.split(' ').next().unwrap();
        assert_eq!(limits(line), [format!("sluss.toml:9: limits.{key}: {reason}")]);
    }
}

#[test]
fn agents_are_judged_by_their_bounds_and_by_each_other() {
    let agents = |line: &str| problems_of_main("[agents]", &format!("[agents]\n{line}"));
    assert_single(&[
        (agents(r#"lease = "10ms""#), "sluss.toml:11: agents.lease: 10ms is below the minimum of 1s"),
        (agents("in_serve = 1"), "sluss.toml:11: agents.in_serve: needs true or false, found integer"),
        (agents(r#"retry_base = "1h""#), "sluss.toml:11: agents.retry_base: 1h is above retry_cap = 5m"),
    ]);
}

#[test]
fn without_tokens_the_listeners_are_two_on_loopback() {
    let listeners = |lines: &str| problems_of_main("[listeners]", &format!("[listeners]\n{lines}"));
    let off_loopback = r#"0.0.0.0:80 is not on loopback, and auth = "none" lets anybody in who reaches it"#;
    let no_address = r#""8080" is not an address and a port, such as "127.0.0.1:8080""#;
    assert_single(&[
        (listeners(r#"documents = "8080""#), &format!("sluss.toml:4: listeners.documents: {no_address}")),
        (
            listeners(r#"documents = "127.0.0.1:8081""#),
            "sluss.toml:3: listeners.admin: 127.0.0.1:8081 is the address of the documents, too",
        ),
        (listeners(r#"documents = "0.0.0.0:80""#), &format!("sluss.toml:4: listeners.documents: {off_loopback}")),
        (listeners("admin = '0.0.0.0:80'\nbehind_tls_proxy = true"), &format!("sluss.toml:4: listeners.admin: {off_loopback}")),
    ]);
}

#[test]
fn a_tenant_begins_in_a_phase_that_needs_no_guard() {
    let phase = |phase: &str| problems_of_tenant("shadow", phase);
    let no_beginning = r#""sealed" is not where a tenant begins: use "sql", "shadow", "dual" or "object""#;
    assert_single(&[
        (phase("sealed"), &format!("tenants/acme.toml:1: phase: {no_beginning}")),
        (phase("shade"), r#"tenants/acme.toml:1: phase: "shade" is not a phase: use sql, shadow, dual, object or sealed"#),
    ]);
}

#[test]
fn collections_have_names_and_columns_of_their_own() {
    let head = |head: &str| problems_of_tenant("[collections.documents]", head);
    let column = |line: &str| problems_of_tenant("[objects]", &format!("{line}\n[objects]"));
    let names = "use 1 to 63 of a-z, 0-9, '-' and '_', starting with a letter or digit";
    let no_name = format!(r#"tenants/acme.toml:6: collections.Docs: collection "Docs" is not a name: {names}"#);
    let no_table = r#""a\"b" is not an SQL name: use 1 to 128 characters without '"'"#;
    assert_single(&[
        (head("[collection.documents]"), r#"tenants/acme.toml:6: collection: unknown key, did you mean "collections"?"#),
        (head("[collections.Docs]"), &no_name),
        (head("[collections]\nmore = 1\n[collections.documents]"), "tenants/acme.toml:7: collections.more: needs a table, found integer"),
        (
            problems_of_tenant(r#"table = "documents""#, "table = 'a\"b'"),
            &format!("tenants/acme.toml:7: collections.documents.table: {no_table}"),
        ),
        (column("modified = 'ID'"), r#"tenants/acme.toml:12: collections.documents.modified: "ID" is the column of "id", too"#),
        (
            column("[collections.more]\ntable = 'Documents'\nid = 'id'\nid_type = 'text'\ncontent = 'c'"),
            r#"tenants/acme.toml:13: collections.more.table: "Documents" is the table of acme/documents, too: tenants share one only with the same tenant_column and a tenant_value of their own"#,
        ),
    ]);
}

#[test]
fn a_prefix_is_plain_folders_each_closed() {
    let rule = "leave it empty, or end each folder with '/' and use a-z, A-Z, 0-9, '_', '-' and, not in front, '.'";
    for bad in ["acme", "/acme/", "a/../b/", "a/./b/", "a//b/", "a b/", ".a/", "/"] {
        let found = problems_of_tenant("[objects]", &format!("[objects]\nprefix = {bad:?}"));
        assert_eq!(found, [format!("tenants/acme.toml:13: objects.prefix: {bad:?} is not a prefix: {rule}")]);
    }
    for good in ["", "a/", "A-1/b.c_d/"] {
        assert!(problems_of_tenant("[objects]", &format!("[objects]\nprefix = {good:?}")).is_empty(), "{good:?}");
    }
}

#[test]
fn a_misspelled_key_is_not_missed_besides() {
    assert_single(&[
        (problems_of_main("auth", "atuh"), "sluss.toml:1: atuh: unknown key, did you mean \"auth\"?"),
        (problems_of_main("[control]", "[contrl]"), "sluss.toml:5: contrl: unknown key, did you mean \"control\"?"),
        (problems_of_tenant("database", "Database"), "tenants/acme.toml:4: sql.Database: unknown key, did you mean \"database\"?"),
        (problems_of_tokens(&TOKEN.replace("[[tokens]]", "[[token]]")), "sluss.toml:12: token: unknown key, did you mean \"tokens\"?"),
    ]);
    assert_eq!(
        problems(MAIN, &[("acme.toml", "")]),
        [
            "tenants/acme.toml: sql.database: is missing: write \"sqlite:\" and a path, or name a server beside it",
            "tenants/acme.toml: collections: is missing: a tenant has at least one collection, such as [collections.documents]",
            "tenants/acme.toml: objects.disk: is missing: name the folder of the objects, or an S3-compatible store as s3 = \"https://...\"",
        ]
    );
}

#[test]
fn a_listener_off_loopback_needs_tokens_and_tls_or_a_proxy_that_ends_it() {
    let main = |proxy: bool| {
        let listeners = format!("[listeners]\nadmin = \"10.1.2.3:8081\"\nbehind_tls_proxy = {proxy}");
        MAIN.replace("\"none\"", "\"tokens\"").replace("[listeners]", &listeners) + TOKEN
    };
    assert_eq!(problems(&main(true), &[("acme.toml", TENANT)]), Vec::<String>::new());
    assert_eq!(
        problems(&main(false), &[("acme.toml", TENANT)]),
        ["sluss.toml:4: listeners.admin: 10.1.2.3:8081 is not on loopback, and speaks no TLS: give it a certificate in \
         [listeners.admin_tls], listen on loopback, or set listeners.behind_tls_proxy = true where a proxy in front ends TLS"]
    );
    let tls = |keys: &str| problems(&(main(false) + "[listeners.admin_tls]\n" + keys), &[("acme.toml", TENANT)]);
    let whole = "certificate = \"a.pem\"\nkey = \"a.key\"\n";
    assert_eq!(tls(whole), Vec::<String>::new());
    assert_eq!(tls(&format!("{whole}client_certificates = \"required\"\nclient_ca = \"ca.pem\"\n")), Vec::<String>::new());
    assert_single(&[
        (
            tls("key = \"a.key\"\n"),
            "sluss.toml:19: listeners.admin_tls.certificate: is missing: name the file of the listener's certificate and those above it, in PEM",
        ),
        (
            tls(&format!("{whole}client_certificates = \"optional\"\n")),
            "sluss.toml:19: listeners.admin_tls.client_ca: is missing: name the file of the authorities that vouch for clients, in PEM",
        ),
        (
            tls(&format!("{whole}client_certificates = \"some\"\n")),
            "sluss.toml:22: listeners.admin_tls.client_certificates: \"some\" is not known: say \"none\", \"optional\" or \"required\"",
        ),
        (
            tls(&format!("{whole}client_ca = \"ca.pem\"\n")),
            "sluss.toml:22: listeners.admin_tls.client_ca: is asked for nothing while client_certificates is \"none\": say \"optional\" or \
             \"required\" there, or remove it",
        ),
    ]);
}

#[test]
fn tokens_are_read_with_their_tenants_and_rights() {
    let only = TOKEN.replace("[\"*\"]", "[\"acme\"]").replace("\"app\"", "\"one\"").replace("9f86", "0000");
    let folder = written(&format!("{}{TOKEN}{only}", MAIN.replace("\"none\"", "\"tokens\"")), &[("acme.toml", TENANT)]);
    let Auth::Tokens(tokens) = load(&folder).unwrap().auth else { panic!("no tokens") };
    assert_eq!(tokens.iter().map(|token| token.name.as_str()).collect::<Vec<_>>(), ["app", "one"]);
    assert_eq!([&tokens[0].tenants, &tokens[1].tenants], [&TenantScope::All, &TenantScope::Only(vec!["acme".parse().unwrap()])]);
    assert!(tokens[0].rights.read && tokens[0].rights.write && !tokens[0].rights.admin);
    assert!(tokens[0].sha256.to_string().starts_with("9f86d081"));
}

#[test]
fn a_single_mistake_in_a_token_is_a_single_problem() {
    let changed = |from: &str, to: &str| problems_of_tokens(&TOKEN.replacen(from, to, 1));
    assert_single(&[
        (changed("name = \"app\"", ""), "sluss.toml:12: tokens[0].name: is missing: say whose token it is"),
        (changed("[\"*\"]", "[\"acm\"]"), "sluss.toml:15: tokens[0].tenants: \"acm\" has no tenant file, did you mean \"acme\"?"),
        (changed("[\"*\"]", "[\"acme\", \"*\"]"), "sluss.toml:15: tokens[0].tenants: \"*\" means all tenants and stands alone"),
        (changed("[\"*\"]", "[]"), "sluss.toml:15: tokens[0].tenants: is empty"),
        (changed("[\"*\"]", "\"*\""), "sluss.toml:15: tokens[0].tenants: needs a list of strings, found string"),
        (
            changed("\"write\"", "\"wirte\""),
            "sluss.toml:16: tokens[0].rights: \"wirte\" is not a right: use \"read\", \"write\" and \"admin\"",
        ),
        (
            problems_of_tokens(&format!("{TOKEN}{}", TOKEN.replace("9f86", "0000"))),
            "sluss.toml:19: tokens[1].name: another token has this name",
        ),
        (
            problems_of_tokens(&format!("{TOKEN}{}", TOKEN.replace("\"app\"", "\"b\""))),
            "sluss.toml:20: tokens[1].sha256: another token has this hash: give each holder a token of its own",
        ),
        (
            problems(&format!("{MAIN}{TOKEN}"), &[("acme.toml", TENANT)]),
            "sluss.toml:12: tokens: are not asked for while auth = \"none\": say auth = \"tokens\", or remove them",
        ),
    ]);
}

#[test]
fn what_may_be_a_secret_is_never_repeated() {
    let secret = "hunter2 is my token";
    let texts = [
        problems_of_tokens(&TOKEN.replace("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", secret)),
        problems_of_tokens(&TOKEN.replace("\"app\"", &format!("{secret:?}"))),
        problems_of_tokens(&TOKEN.replace("sha256 = \"", &format!("sha256 = {secret} \""))),
        problems_of_tokens(&TOKEN.replace("name", &format!("token = {secret:?}\nname"))),
        problems_of_tenant("sqlite:../../data/acme.db", &format!("mssql://sa:{secret}@db/acme")),
    ];
    for text in texts {
        assert_eq!(text.len(), 1, "{text:?}");
        assert!(!text[0].contains("hunter2") && !text[0].contains("my token"), "{text:?}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_one_problem_and_the_others_are_still_checked() {
    let tenant = TENANT.replace("id_type", "idtype");
    let found = problems("auth = \"none\nx", &[("acme.toml", &tenant), ("globex.toml", "phase = \"sql\"\nphase = \"sql\"\n")]);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("sluss.toml:2: is not TOML: "), "{found:#?}");
    assert!(found[1].starts_with("tenants/acme.toml:9: collections.documents.idtype: unknown key, did you mean \"id_type\""), "{found:#?}");
    assert!(found[2].starts_with("tenants/globex.toml:2: is not TOML: duplicate key"), "{found:#?}");
}

#[test]
fn a_tenant_needs_a_file_with_a_tenants_name() {
    assert_eq!(problems(MAIN, &[]), ["tenants: holds no tenant: each one has its file, <tenant>.toml"]);
    assert_eq!(problems(MAIN, &[("notes.txt", "")]), ["tenants: holds no tenant: each one has its file, <tenant>.toml"]);
    let found = problems(MAIN, &[("Acme.toml", TENANT)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("tenants/Acme.toml: the file's name is the tenant's, and tenant \"Acme\" is not a name"), "{found:#?}");
}

#[test]
fn files_that_cannot_be_read_are_problems() {
    let folder = tempfile::tempdir().unwrap();
    let found = Config::load(&folder.path().join("sluss.toml")).unwrap_err();
    let reasons: Vec<&str> = found.as_slice().iter().map(|problem| problem.reason.as_str()).collect();
    assert!(reasons[0].starts_with("cannot be read: ") && reasons[1].starts_with("cannot be listed: "), "{found}");
    let huge = problems(&format!("{MAIN}#{}", " ".repeat(1 << 20)), &[("acme.toml", TENANT)]);
    assert_eq!(huge, ["sluss.toml: cannot be read: it is larger than 1 MiB"]);
}

#[test]
fn two_tenants_share_no_table_of_one_database() {
    let other = TENANT.replace("../../data/acme.db", "../../data/../data/acme.db").replace("\"documents\"", "\"DOCUMENTS\"");
    assert_eq!(
        problems(MAIN, &[("acme.toml", TENANT), ("globex.toml", &other)]),
        [
            "tenants/globex.toml:7: collections.documents.table: \"DOCUMENTS\" is the table of acme/documents, too: tenants share one only with the same tenant_column and a tenant_value of their own"
        ]
    );
    let another_table = TENANT.replace("\"documents\"", "\"papers\"");
    assert_eq!(problems(MAIN, &[("acme.toml", TENANT), ("globex.toml", &another_table)]), Vec::<String>::new());
    let another_file = TENANT.replace("acme.db", "globex.db");
    assert_eq!(problems(MAIN, &[("acme.toml", TENANT), ("globex.toml", &another_file)]), Vec::<String>::new());
}

/// A database may take values for equal that are not the same here: case, type and blanks do not tell tenants apart.
#[test]
fn tenants_share_a_table_that_tells_them_apart_beyond_doubt() {
    let owned = |value: &str| TENANT.replace("id = ", &format!("tenant_column = \"Customer\"\ntenant_value = {value}\nid = "));
    let together = |one: &str, other: &str| problems(MAIN, &[("acme.toml", &owned(one)), ("globex.toml", &owned(other))]).len();
    assert_eq!(together("4711", "4712"), 0);
    assert_eq!(together("\"acme\"", "\"globex\""), 0);
    for (one, other) in [("4711", "4711"), ("4711", "\"4711\""), ("\"acme\"", "\"Acme \""), ("true", "1")] {
        assert_eq!(together(one, other), 1, "{one} and {other}");
    }
    let other_column = owned("4712").replace("Customer", "Owner");
    assert_eq!(problems(MAIN, &[("acme.toml", &owned("4711")), ("globex.toml", &other_column)]).len(), 1);
}

#[test]
fn what_a_put_and_a_delete_do_is_said_in_known_words_and_with_what_they_need() {
    let with = |lines: &str| problems_of_tenant("content = \"content\"", &format!("content = \"content\"\n{lines}"));
    assert_eq!(with("create = \"existing\"\ndelete = \"content\"\ncontent_nullable = false"), Vec::<String>::new());
    assert_eq!(with("delete = \"soft\"\nsoft_delete = \"gone\"\ndefaults = { kind = \"new\", n = 7, on = true }"), Vec::<String>::new());
    for (lines, expected) in [
        ("create = \"maybe\"", "say \"insert\" or \"existing\""),
        ("delete = \"all\"", "say \"row\", \"content\" or \"soft\""),
        ("disposition = \"shown\"", "say \"attachment\" or \"inline\""),
        ("delete = \"soft\"", "name it as soft_delete"),
        ("tenant_column = \"customer\"", "needs tenant_value"),
        ("tenant_value = 7", "needs tenant_column"),
        ("create = \"existing\"\ndefaults = { kind = 1 }", "lets it insert none"),
        ("defaults = { Content = 1 }", "which a PUT sets itself"),
        ("defaults = { kind = 1.5 }", "kind: needs a text, an integer, true or false"),
        ("soft_delete = \"CONTENT\"", "is the column of \"content\", too"),
    ] {
        let found = with(lines);
        assert!(found.len() == 1 && found[0].contains(expected), "{lines}: {found:?}");
    }
}
