//! The command line as a person or a script meets it: what each command prints, its exit code, and what its errors say to do.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]
#![allow(unreachable_pub, reason = "the rooms of a test are nobody's interface")]

#[allow(dead_code, reason = "shared with other suites; none of them needs all of it")]
mod support;

use std::fs;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};
use support::customers::{ACME, GLOBEX};
use support::lab::{Lab, Seat};
use support::process::Process;
use support::said::Said;

const SETTINGS: &str = "[limits]\n[agents]\npoll_min = \"20ms\"\npoll_max = \"200ms\"\n";

/// A process that serves two tenants with a few documents each, and commands that ask it.
struct Office {
    lab: Lab,
    seat: Seat,
    _process: Process,
}

impl Office {
    fn open() -> Self {
        Self::with(|_| {})
    }

    fn with(adapt: impl FnOnce(&Seat)) -> Self {
        let lab = Lab::new(SETTINGS);
        let seat = lab.seat("one");
        adapt(&seat);
        for id in 1..=3 {
            let pattern = sluss::demo::pattern::Pattern { seed: id, length: 40_000 * id };
            ACME.insert(&lab.database(), &id.to_string(), "text/plain", "a.txt", Some(pattern));
            GLOBEX.insert(&lab.database(), &format!("G{id}"), "text/plain", "g.txt", Some(pattern));
        }
        Said::of(Process::command(&seat, &["init"]).output().unwrap()).done();
        let mut process = Process::start(&seat, &["serve"]);
        process.wait_for(seat.admin);
        Self { lab, seat, _process: process }
    }

    /// A command as an operator types it.
    fn run(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Process::command(&self.seat, arguments);
        command.env("SLUSS_ADMIN_URL", format!("http://127.0.0.1:{}", self.seat.admin));
        command
    }

    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let said = self.run(&[&["--json"], arguments].concat());
        assert_eq!(said.code, code, "{said:?}");
        serde_json::from_str(&said.out).unwrap()
    }
}

fn sluss(seat: &Seat, arguments: &[&str]) -> Said {
    Said::of(Process::command(seat, arguments).output().unwrap())
}

#[test]
fn a_process_is_asked_whether_it_is_up_without_a_token() {
    let office = Office::open();
    assert_eq!(office.run(&["health"]).done(), "up\n");
    assert_eq!(office.run(&["health", "--ready"]).done(), "ready\n");
    assert_eq!(office.json(&["health"], 0), serde_json::json!({ "ok": true, "status": 200 }));
    let elsewhere = office.run(&["health", "--admin-url", "http://127.0.0.1:1"]).complaint(1);
    assert!(elsewhere.contains("cannot reach http://127.0.0.1:1"), "{elsewhere}");
}

#[test]
fn a_sound_configuration_is_said_to_be_sound() {
    let lab = Lab::new(SETTINGS);
    let seat = lab.seat("one");
    assert!(sluss(&seat, &["config", "check"]).done().contains("no problem found, 2 tenants"));
    let json: Value = serde_json::from_str(&sluss(&seat, &["config", "check", "--json"]).done()).unwrap();
    assert_eq!((&json["ok"], &json["tenants"]), (&Value::Bool(true), &Value::from(2)));
}

#[test]
fn five_mistakes_are_told_at_once_with_file_key_and_the_nearest_name() {
    let lab = Lab::new("[limits]\nbufer_bytes = \"64MiB\"\nstore_timeout = \"soon\"\n[agents]\nconcurrency = 0\n");
    let seat = lab.seat("one");
    let tenant = seat.config.parent().unwrap().join("tenants/acme.toml");
    let text = fs::read_to_string(&tenant).unwrap();
    fs::write(&tenant, text.replace("id_type = \"integer\"", "id_type = \"number\"").replace("content = ", "contents = ")).unwrap();
    let complaint = sluss(&seat, &["config", "check"]).complaint(2);
    for part in [
        "sluss.toml",
        "acme.toml",
        "bufer_bytes",
        "did you mean \"buffer_bytes\"",
        "store_timeout",
        "concurrency",
        "id_type",
        "contents",
        "did you mean \"content\"",
        "problems in the configuration",
    ] {
        assert!(complaint.contains(part), "{part} is not in:\n{complaint}");
    }
    // A command that needs the configuration says the same, and does nothing.
    assert_eq!(sluss(&seat, &["serve"]).complaint(2), complaint);
    assert_eq!(sluss(&seat, &["init"]).complaint(2), complaint);
    let json: Value = serde_json::from_str(&sluss(&seat, &["config", "check", "--json"]).out).unwrap();
    assert_eq!(json["ok"], false);
    assert!(json["problems"].as_array().unwrap().len() >= 5, "{json}");
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let lab = Lab::new(SETTINGS);
    let mut seat = lab.seat("one");
    seat.config.set_file_name("nowhere.toml");
    assert!(sluss(&seat, &["serve"]).complaint(2).contains("nowhere.toml: cannot be read"));
}

#[test]
fn init_can_be_run_twice() {
    let lab = Lab::new(SETTINGS);
    let seat = lab.seat("one");
    let first = sluss(&seat, &["init"]).done();
    assert!(first.contains("acme: ready") && first.contains("globex: ready"), "{first}");
    assert_eq!(sluss(&seat, &["init"]).done(), first);
    let one: Value = serde_json::from_str(&sluss(&seat, &["init", "--tenant", "acme", "--json"]).done()).unwrap();
    assert_eq!(one, serde_json::json!({ "tenant": "acme", "ready": true }));
    assert!(sluss(&seat, &["init", "--tenant", "initech"]).complaint(2).contains("no tenant \"initech\""));
}

#[test]
fn init_says_what_it_misses_and_does_the_other_tenants() {
    let lab = Lab::new(SETTINGS);
    let seat = lab.seat("one");
    lab.database().execute_batch("ALTER TABLE documents RENAME TO papers").unwrap();
    let said = sluss(&seat, &["init"]);
    assert!(said.out.contains("globex: ready"), "{said:?}");
    let complaint = said.complaint(1);
    assert!(complaint.contains("acme") && complaint.contains("no table \"documents\"; create it first"), "{complaint}");
    lab.database().execute_batch("ALTER TABLE papers RENAME TO documents; ALTER TABLE documents DROP COLUMN media_type").unwrap();
    assert!(sluss(&seat, &["init"]).complaint(1).contains("table \"documents\" has no column \"media_type\""));
    fs::remove_file(lab.database_file()).unwrap();
    assert!(sluss(&seat, &["init"]).complaint(1).contains("there is no file "));
}

#[test]
fn a_file_needs_no_script_and_is_examined_like_any_database() {
    let lab = Lab::new(SETTINGS);
    let seat = lab.seat("one");
    let complaint = sluss(&seat, &["init", "--print-sql", "--tenant", "acme"]).complaint(2);
    assert!(complaint.contains("acme: its database is a SQLite file, for which there is no script"), "{complaint}");
    assert!(sluss(&seat, &["doctor", "--tenant", "acme"]).with_code(1).contains("run `sluss init`"));
    sluss(&seat, &["init"]).done();
    let examined: Value = serde_json::from_str(&sluss(&seat, &["doctor", "--tenant", "acme", "--json"]).done()).unwrap();
    let gravities: Vec<&Value> = examined["findings"].as_array().unwrap().iter().map(|finding| &finding["gravity"]).collect();
    assert!(gravities.len() > 3 && gravities.iter().all(|gravity| *gravity == "ok"), "{examined}");
    lab.database().execute_batch("ALTER TABLE documents DROP COLUMN media_type; DROP TRIGGER \"sluss_Filer_updated\"").unwrap();
    let said = sluss(&seat, &["doctor"]).with_code(1);
    assert!(said.contains("has no column \"media_type\"") && said.contains("triggers are missing: sluss_Filer_updated"), "{said}");
    fs::remove_file(lab.database_file()).unwrap();
    assert!(sluss(&seat, &["doctor"]).with_code(1).contains("there is no file "));
}

#[test]
fn sluss_goes_out_of_a_file_tenant_by_tenant_once_all_content_is_in_sql() {
    let lab = Lab::new(SETTINGS);
    let seat = lab.seat("one");
    ACME.insert(&lab.database(), "1", "text/plain", "a.txt", Some(sluss::demo::pattern::Pattern { seed: 1, length: 40_000 }));
    sluss(&seat, &["init"]).done();
    let remove = |tenant| sluss(&seat, &["init", "--remove", "--tenant", tenant]);
    lab.database().execute_batch("UPDATE sluss_state SET phase = 'dual' WHERE tenant = 'acme'").unwrap();
    assert!(remove("acme").complaint(3).contains("acme is in phase dual: bring it back with `sluss tenant phase acme sql`"));
    lab.database().execute_batch("UPDATE sluss_state SET phase = 'sql'").unwrap();
    let left = |pattern: &str| -> i64 {
        let count = "SELECT count(*) FROM sqlite_schema WHERE name LIKE ?1 ESCAPE '!'";
        lab.database().query_row(count, [pattern], |row| row.get(0)).unwrap()
    };
    lab.database().execute_batch(&remove("acme").done()).unwrap();
    assert_eq!((left("sluss!_%documents%"), left("sluss!_state")), (0, 1), "the other tenant stays");
    assert!(remove("acme").complaint(3).contains("there is nothing of tenant acme in this file"));
    lab.database().execute_batch(&remove("globex").done()).unwrap();
    // The control database lies in the same file.
    assert_eq!((left("sluss!_%Filer%"), left("sluss!_state"), left("sluss!_version%"), left("sluss!_operator")), (0, 0, 0, 1));
    assert_eq!(ACME.ids(&lab.database()), ["1"]);
}

#[test]
fn a_tenant_that_was_never_initialised_is_told_to_be() {
    let lab = Lab::new(SETTINGS);
    let seat = lab.seat("one");
    let mut process = Process::start(&seat, &["serve"]);
    process.wait_for(seat.admin);
    let url = format!("http://127.0.0.1:{}", seat.admin);
    for arguments in [["tenant", "list"].as_slice(), &["tenant", "show", "acme"], &["tenant", "phase", "acme", "shadow"]] {
        let said = sluss(&seat, &[arguments, &["--admin-url", &url]].concat());
        assert!((said.out.clone() + &said.err).contains("run `sluss init`"), "{arguments:?}: {said:?}");
    }
}

#[test]
fn tenants_are_listed_and_shown() {
    let office = Office::open();
    office.run(&["sweep", "--tenant", "acme", "--wait"]).done();
    let list = office.run(&["tenant", "list"]).done();
    let lines: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1], ["acme", "sql", "3", "0", "0", "0", "0"], "{list}");
    assert_eq!(lines[2][..2], ["globex", "sql"], "{list}");
    let shown = office.run(&["tenant", "show", "acme"]).done();
    assert!(shown.contains("acme: phase sql") && shown.contains("sql is complete"), "{shown}");
    let json = office.json(&["tenant", "show", "acme"], 0);
    assert_eq!((&json["phase"], &json["held_by"]["sql"]["documents"]), (&Value::from("sql"), &Value::from(3)));
    assert_eq!(office.json(&["tenant", "list"], 0)["tenants"].as_array().unwrap().len(), 2);
    let complaint = office.run(&["tenant", "show", "initech"]).complaint(1);
    assert_eq!(complaint, "sluss: there is no tenant \"initech\"\n");
}

#[test]
fn a_tenant_whose_database_is_away_shows_that_and_no_figures() {
    let office = Office::open();
    fs::rename(office.lab.database_file(), office.lab.path().join("away.db")).unwrap();
    let shown = office.run(&["tenant", "show", "acme"]);
    assert_eq!(shown.code, 1, "{shown:?}");
    assert!(shown.out.contains("problem: ") && shown.out.contains("there is no file"), "{shown:?}");
    assert!(!shown.out.contains("complete") && !shown.out.contains("backlog"), "{shown:?}");
    assert!(office.run(&["tenant", "list"]).out.contains("there is no file"));
    fs::rename(office.lab.path().join("away.db"), office.lab.database_file()).unwrap();
    office.run(&["tenant", "show", "acme"]).done();
}

#[test]
fn a_dry_run_prints_each_guard_with_its_verdict_and_changes_nothing() {
    let office = Office::open();
    let said = office.run(&["tenant", "phase", "acme", "shadow", "--dry-run"]).done();
    let guards: Vec<&str> = said.lines().filter(|line| line.starts_with("  pass ")).collect();
    assert!(guards[0].contains("one_step") && guards[1].contains("store_probe"), "{said}");
    assert!(said.ends_with("acme: sql -> shadow would pass; nothing was changed\n"), "{said}");
    let refused = office.run(&["tenant", "phase", "acme", "dual", "--dry-run"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.out.contains("BLOCK one_step") && refused.out.contains("sql goes to shadow first"), "{refused:?}");
    assert!(refused.out.contains("pass  store_probe"), "a guard that passes is shown too: {refused:?}");
    assert_eq!(office.json(&["tenant", "show", "acme"], 0)["phase"], "sql");
}

#[test]
fn flips_go_there_and_back_and_a_refused_one_exits_with_3() {
    let office = Office::open();
    let phase = |to: &str| office.run(&["tenant", "phase", "acme", to]);
    assert!(phase("sql").done().contains("acme is in sql already"));
    let refused = phase("dual");
    assert_eq!((refused.code, refused.out.contains("acme stays in sql: a guard does not pass")), (3, true), "{refused:?}");
    assert!(phase("shadow").done().ends_with("acme: sql -> shadow\n"));
    assert!(phase("dual").done().ends_with("acme: shadow -> dual\n"));
    office.run(&["sweep", "--tenant", "acme", "--wait"]).done();
    assert!(phase("object").done().contains("pass  sample_comparison  3 sampled documents are equal"));
    let sealed = office.json(&["tenant", "phase", "acme", "sealed"], 3);
    assert_eq!(sealed["outcome"], "blocked");
    assert!(sealed["guards"].as_array().unwrap().iter().any(|guard| guard["passed"] == false), "{sealed}");
    assert!(phase("sql").done().ends_with("acme: object -> sql\n"), "backward steps need no guard");
    assert!(phase("frozen").complaint(2).contains("use sql, shadow, dual, object or sealed"));
    assert_eq!(office.run(&["tenant", "phase", "initech", "sql"]).complaint(1), "sluss: there is no tenant \"initech\"\n");
}

#[test]
fn a_store_that_fails_its_probe_blocks_the_flip_and_says_how() {
    let office = Office::open();
    fs::rename(office.lab.objects(), office.lab.path().join("away")).unwrap();
    let refused = office.run(&["tenant", "phase", "acme", "shadow"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.out.contains("BLOCK store_probe") && refused.out.contains("could not store a scratch object"), "{refused:?}");
}

#[test]
fn a_sweep_waits_until_what_it_found_is_done() {
    let office = Office::open();
    office.run(&["tenant", "phase", "acme", "shadow"]).done();
    let said = office.run(&["sweep", "--tenant", "acme", "--wait"]).done();
    assert!(said.starts_with("acme: 2 jobs asked for\n") && said.contains("backlog 0, quarantined 0"), "{said}");
    assert_eq!(office.json(&["sweep", "--tenant", "acme"], 0)["jobs"], 2);
    // The figures are those of a walk during which nothing moved.
    let view = office.json(&["sweep", "--tenant", "acme", "--wait"], 0);
    assert_eq!((&view["backlog"], &view["held_by"]["both"]["documents"]), (&Value::from(0), &Value::from(3)));
    assert!(office.run(&["sweep", "--tenant", "initech"]).complaint(1).contains("no tenant \"initech\""));
}

#[test]
fn a_backup_is_run_listed_and_verified() {
    let office = Office::with(|seat| {
        let file = seat.config.with_file_name("tenants").join("acme.toml");
        let backup = "[backup]\nsigning_key = { file = \"../../backup.key\" }\n[backup.objects]\ndisk = \"../../offsite\"\n";
        fs::write(&file, fs::read_to_string(&file).unwrap() + backup).unwrap();
        fs::write(seat.config.parent().unwrap().with_file_name("backup.key"), "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=").unwrap();
    });
    let refused = office.run(&["backup", "run", "--tenant", "globex"]).with_code(3);
    assert!(refused.contains("BLOCK its file has no [backup]") && refused.contains("no backup of globex has begun"), "{refused}");
    office.run(&["backup", "verify", "--tenant", "acme"]).with_code(1);
    office.run(&["tenant", "phase", "acme", "shadow"]).done();
    office.run(&["sweep", "--tenant", "acme", "--wait"]).done();
    let said = office.run(&["backup", "run", "--tenant", "acme"]).done();
    assert!(
        said.contains("acme:      1 kept") && said.contains(" base of ") && said.contains("3 objects with 240000 bytes copied"),
        "{said}"
    );
    let run = office.json(&["backup", "run", "--tenant", "acme"], 0);
    assert_eq!((&run["run"]["manifest"]["kind"], &run["run"]["objects_copied"]), (&Value::from("increment"), &Value::from(0)));
    let said = office.run(&["backup", "list"]).done();
    assert!(said.contains("acme:      2 kept") && said.contains("globex: no backup"), "{said}");
    let said = office.run(&["backup", "verify", "--tenant", "acme", "--all"]).done();
    assert_eq!(said, "acme: 2 manifests and 3 objects with 240000 bytes were read; 0 problems\n");
    fs::remove_file(office.lab.path().join("offsite/acme/.sluss-manifests")).unwrap();
    let found = office.json(&["backup", "verify", "--tenant", "acme"], 1);
    assert_eq!(found["named"], serde_json::json!(["the list of manifests is not in the offsite store"]));
}

#[test]
fn long_work_draws_a_bar_on_a_terminal() {
    let office = Office::open();
    office.run(&["pause"]).done();
    // What waits for agents that rest would wait for ever.
    let command = format!("timeout 1.5 {} sweep --tenant acme --wait", env!("CARGO_BIN_EXE_sluss"));
    let sluss = office.command(&[]);
    let mut script = Command::new("script");
    script.args(["--quiet", "--command", &command, "/dev/null"]).env("TERM", "xterm").env("COLUMNS", "100");
    script.envs(sluss.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let drawn = String::from_utf8(script.output().unwrap().stdout).unwrap();
    assert!(
        drawn.contains("acme: 2 jobs asked for") && drawn.contains("acme: [------------------------]   0 % 1 jobs to go, paused"),
        "{drawn:?}"
    );
}

/// As an agent leaves a job whose budget is spent.
fn quarantine(office: &Office, document: &str) {
    office
        .lab
        .database()
        .execute(
            "INSERT INTO sluss_job (tenant, kind, collection, document, state, priority, due_at, failures, reason, created_at) \
             VALUES ('acme', 'write_back', 'documents', ?1, 'quarantined', 20, 0, 12, 'read o-1 in disk: corrupt', 0)",
            [document],
        )
        .unwrap();
}

#[test]
fn quarantined_jobs_are_listed_with_their_reason_and_retried_one_by_one_or_all() {
    let office = Office::open();
    for document in ["1", "2", "3"] {
        quarantine(&office, document);
    }
    let list = office.run(&["jobs", "list", "--state", "quarantined"]).done();
    assert!(list.contains("write_back") && list.contains("acme/documents/2") && list.contains("corrupt"), "{list}");
    let jobs = office.json(&["jobs", "list", "--tenant", "acme", "--state", "quarantined"], 0);
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 3, "{jobs}");
    let id = jobs["jobs"][0]["id"].as_str().unwrap();
    assert!(list.contains(id), "{id} is not in:\n{list}");
    assert_eq!(office.run(&["jobs", "retry", id]).done(), "1 jobs are ready again\n");
    let complaint = office.run(&["jobs", "retry", id]).complaint(1);
    assert!(complaint.contains(&format!("no quarantined job {id:?}")) && complaint.contains("sluss jobs list"), "{complaint}");
    let reasons = office.run(&["jobs", "reasons"]).done();
    let told: Vec<Vec<&str>> = reasons.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((told.len(), &told[1][..3], reasons.contains("read o-1 in disk: corrupt")), (2, &["2", "acme", "write_back"][..], true));
    assert_eq!(office.json(&["jobs", "list", "--kind", "copy"], 0)["jobs"], serde_json::json!([]));
    assert_eq!(office.json(&["jobs", "retry", "--all", "--tenant", "globex"], 0)["jobs"], 0);
    assert_eq!(office.json(&["jobs", "retry", "--all", "--reason", "another"], 0)["jobs"], 0);
    assert_eq!(office.json(&["jobs", "retry", "--all", "--kind", "write_back", "--reason", "read o-1 in disk: corrupt"], 0)["jobs"], 2);
    assert_eq!(office.json(&["jobs", "retry", "--all"], 0)["jobs"], 0);
    assert_eq!(office.run(&["sweep", "--tenant", "acme", "--wait"]).code, 0);
    let list = office.run(&["jobs", "list", "--tenant", "acme"]).done();
    assert_eq!(list.lines().count(), 1, "only the heading: {list}");
    assert!(office.run(&["jobs", "list", "--state", "done"]).complaint(1).contains("use one of ready, leased, quarantined"));
    office.run(&["jobs", "retry"]).complaint(2);
}

/// The same tenants, one of them called with a character that URLs escape.
#[test]
fn a_tenant_with_a_dash_in_its_name_is_a_tenant_like_any_other() {
    let office = Office::with(|seat| {
        let tenants = seat.config.parent().unwrap().join("tenants");
        fs::rename(tenants.join("acme.toml"), tenants.join("acme-north_2.toml")).unwrap();
    });
    assert!(office.run(&["tenant", "show", "acme-north_2"]).done().starts_with("acme-north_2: phase sql"));
    office.run(&["tenant", "phase", "acme-north_2", "shadow"]).done();
    office.run(&["sweep", "--tenant", "acme-north_2", "--wait"]).done();
    office.run(&["jobs", "list", "--tenant", "acme-north_2"]).done();
}

#[test]
fn without_a_server_the_command_says_whom_it_did_not_reach() {
    let lab = Lab::new(SETTINGS);
    let seat = lab.seat("one");
    let url = format!("http://127.0.0.1:{}", seat.admin);
    let complaint = sluss(&seat, &["tenant", "list", "--admin-url", &url]).complaint(1);
    assert_eq!(complaint, format!("sluss: cannot reach {url}: connection refused; is `sluss serve` running?\n"));
    let complaint = sluss(&seat, &["tenant", "list", "--admin-url", "localhost:8081"]).complaint(1);
    assert!(complaint.contains("localhost:8081 is not an http or https address: write http://host:port"), "{complaint}");
}

#[test]
fn tokens_are_asked_for_and_a_wrong_one_is_told() {
    let office = Office::with(|seat| {
        let hash = |token: &str| Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let tokens: String = [("operator", "right", "admin"), ("app", "weak", "read")]
            .map(|(name, token, right)| {
                format!("[[tokens]]\nname = \"{name}\"\nsha256 = \"{}\"\ntenants = [\"*\"]\nrights = [\"{right}\"]\n", hash(token))
            })
            .concat();
        let text = fs::read_to_string(&seat.config).unwrap();
        fs::write(&seat.config, text.replace("auth = \"none\"", "auth = \"tokens\"") + &tokens).unwrap();
    });
    let with_token = |token: &str| {
        let file = office.lab.path().join("token");
        fs::write(&file, format!("{token}\n")).unwrap();
        office.run(&["tenant", "list", "--token-file", file.to_str().unwrap()])
    };
    with_token("right").done();
    let wrong = with_token("wrong").complaint(1);
    assert!(wrong.contains("does not know the token in ") && !wrong.contains("wrong"), "{wrong}");
    assert!(with_token("weak").complaint(1).contains("does not have the right `admin`"));
    let none = office.run(&["tenant", "list"]).complaint(1);
    assert_eq!(none, "sluss: the admin API asks for a token: name a file that holds it with --token-file\n");
    let missing = office.run(&["tenant", "list", "--token-file", "/nowhere/token"]).complaint(1);
    assert!(missing.contains("read the token from /nowhere/token"), "{missing}");
}

#[test]
fn a_server_that_is_no_admin_api_is_told_apart() {
    let office = Office::open();
    let documents = format!("http://127.0.0.1:{}", office.seat.documents);
    let complaint = office.run(&["tenant", "list", "--admin-url", &documents]).complaint(1);
    assert_eq!(complaint, "sluss: there is nothing at this path: is --admin-url the address of the admin listener?\n");
}

#[test]
fn an_address_in_use_is_an_error_before_anything_is_started() {
    let office = Office::open();
    let complaint = sluss(&office.seat, &["serve", "--log", "text"]).complaint(1);
    assert!(complaint.contains("bind the documents listener to 127.0.0.1:"), "{complaint}");
}

#[test]
fn the_demo_ends_with_every_document_compared() {
    let lab = Lab::new(SETTINGS);
    let any = ["--documents", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let said = sluss(&lab.seat("one"), &[&["demo", "--seconds", "3", "--json"], &any[..]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let last: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    for field in ["documents", "compared", "different", "reads", "failed_reads", "writes", "deletes", "copied"] {
        assert!(last[field].is_u64(), "{field} is not in {last}");
    }
    assert_eq!((&last["different"], &last["failed_reads"], &last["compared"]), (&Value::from(0), &Value::from(0), &last["documents"]));
    assert!(last["reads"].as_u64() > Some(0) && last["copied"].as_u64() > Some(0), "{last}");
}
