//! What an operator hears of a table of routes that cannot be meant.

use super::written::problems;

const MAIN: &str = "auth = \"none\"\nown_api = true\n[control]\ndatabase = \"sqlite:control.db\"\n";
const TENANT: &str = "[sql]\ndatabase = \"sqlite:acme.db\"\n[collections.documents]\ntable = \"documents\"\nid = \"id\"\nid_type = \"integer\"\n\
                      content = \"content\"\n[objects]\ndisk = \"objects\"\n";
const UPSTREAM: &str = "[upstream]\nurl = \"http://127.0.0.1:5000\"\n";
const READ: &str = "[[routes]]\noperation = \"read\"\ntemplate = \"/api/{tenant}/{id}\"\n";

/// What is wrong with `sluss.toml` once it goes on like this.
fn told(rest: &str) -> Vec<String> {
    problems(&format!("{MAIN}{rest}"), &[("acme.toml", TENANT)])
}

#[test]
fn a_sound_table_is_taken() {
    let by_host = "[[routes]]\noperation = \"write\"\ntemplate = \"/files/*/{id}\"\ntenant = { host = \"{tenant}.example.com\" }\n";
    let by_name = "[[routes]]\noperation = \"delete\"\nmethod = \"POST\"\ntemplate = \"/remove/{collection}/{id}\"\ntenant = \"acme\"\nstatus = 200\n";
    assert_eq!(told(&format!("{UPSTREAM}{READ}{by_host}{by_name}")), Vec::<String>::new());
    assert_eq!(told(READ), Vec::<String>::new(), "own paths without an existing API");
}

#[test]
fn each_mistake_is_told_with_its_place_and_reason() {
    let route = |line: &str| format!("{UPSTREAM}{READ}{line}\n");
    let template = |template: &str| READ.replace("/api/{tenant}/{id}", template);
    for (rest, expected) in [
        ("[upstream]\n".to_owned(), "upstream.url: is missing"),
        ("[upstream]\nurl = \"ftp://a\"\n".to_owned(), "is not an address such as"),
        ("[upstream]\nurl = \"http://anna:hemlig@a\"\n".to_owned(), "url: holds a name or a password"),
        ("[upstream]\nurl = \"http://a/base\"\n".to_owned(), "has a path"),
        ("[upstream]\nurl = \"http://127.0.0.1:8080\"\n".to_owned(), "would pass requests to itself"),
        (format!("{UPSTREAM}connection = 3\n"), "did you mean \"connections\"?"),
        (format!("{UPSTREAM}[upstream.check]\npath = \"/a/*\"\n"), "holds \"*\""),
        (format!("{UPSTREAM}[upstream.check]\npath = \"same\"\nmethod = \"POST\"\n"), "must change nothing"),
        (template("/api/{tenant}/{name}"), "a placeholder is a whole segment"),
        (template("/api/{tenant}/{id}.pdf"), "a placeholder is a whole segment"),
        (template("/api/{tenant}/files"), "has no {id}"),
        (template("/api/{tenant}/{id}/{id}"), "names the same part of a document twice"),
        (template("/api//{tenant}/{id}"), "has an empty segment"),
        (template("/api/{id}"), "tenant: is missing"),
        (route("tenant = \"acme\""), "is in the template already"),
        (route("method = \"POST\""), "this operation takes GET only"),
        (route("status = 200"), "is for operations that change a document"),
        (route("auth = \"upstream\""), "needs [upstream.check]"),
        (
            format!(
                "{UPSTREAM}[upstream.check]\npath = \"/a/{{id}}\"\n[[routes]]\noperation = \"list\"\ntemplate = \"/b/{{tenant}}\"\nauth = \"upstream\"\n"
            ),
            "cannot ask about a whole collection",
        ),
        (format!("{READ}missing = \"upstream\"\n"), "needs [upstream]"),
        (route("response_headers = [\"X-Type: {mediatype}\"]"), "did you mean {media_type}?"),
        (route("response_headers = [\"Connection: close\"]"), "belongs to the connection"),
        (route("respons_headers = []"), "did you mean \"response_headers\"?"),
        (
            format!("{READ}{}", READ.replace("{tenant}", "acme").replace("\"\n[", "\"\ntenant = \"acme\"\n[") + "tenant = \"acme\"\n"),
            "is never reached: routes[0]",
        ),
        (template("/files/{id}") + "tenant = { host = \"{tenant}.{tenant}.example\" }\n", "is not a host with one {tenant}"),
        (template("/files/{id}") + "tenant = { cookie = \"t\" }\n", "is not where a tenant stands"),
    ] {
        let found = told(&rest);
        assert!(found.len() == 1 && found[0].contains(expected), "{rest}\n{expected}\n{found:#?}");
    }
}

#[test]
fn our_tokens_are_never_shown_to_the_existing_api() {
    let token = "[[tokens]]\nname = \"app\"\nsha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"\ntenants = [\"*\"]\nrights = [\"read\"]\n";
    let main = format!("{}{UPSTREAM}{READ}missing = \"upstream\"\n{token}", MAIN.replace("\"none\"", "\"tokens\""));
    let found = problems(&main, &[("acme.toml", TENANT)]);
    assert!(found.len() == 1 && found[0].contains("would show our tokens"), "{found:#?}");
}
