//! Templates against paths, hosts and headers.

use http::Request;
use proptest::prelude::*;

use super::*;

fn asked(method: &Method, uri: &str, headers: &[(&str, &str)]) -> request::Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// What the table says, in words.
fn verdict(routes: &[Route], head: &request::Parts) -> String {
    match find(routes, head) {
        Matched::Found(route, captured) => {
            format!("{} {}/{}/{}", route.operation.label(), captured.tenant, captured.collection, captured.id)
        }
        Matched::WrongMethod(allowed) => format!("not one of {allowed:?}"),
        Matched::NoSuchPath => "no such path".to_owned(),
        Matched::NotText => "not text".to_owned(),
    }
}

fn lookup(method: &Method, path: &str) -> String {
    verdict(&default_routes(), &asked(method, path, &[]))
}

fn route(template: &str, tenant: TenantSource) -> Route {
    let own = default_routes().remove(0);
    let collection = Some("papers".parse().unwrap());
    let config = RouteConfig { template: template.parse().unwrap(), tenant, collection, ..(*own.config).clone() };
    Route { config: Arc::new(config), ..own }
}

const FILES: &str = "/api/v2/{tenant}/projects/*/files/{id}/content";

#[test]
fn a_document_path_names_its_parts_decoded() {
    assert_eq!(lookup(&Method::GET, "/v1/tenants/acme/documents/a%2Fb%20%C3%A5"), "read acme/documents/a/b å");
}

#[test]
fn a_known_path_with_another_method_says_which_are_allowed() {
    assert_eq!(lookup(&Method::PATCH, "/v1/tenants/acme/documents/1"), "not one of [GET, HEAD, PUT, DELETE]");
}

#[test]
fn other_paths_are_unknown() {
    for path in ["/", "/v1/tenants/acme/documents/", "/v1/tenants//documents/1", "/v1/tenants/a/b/c/d", "/v2/tenants/acme/documents/1"] {
        assert_eq!(lookup(&Method::GET, path), "no such path", "{path}");
    }
    assert_eq!(lookup(&Method::GET, "/v1/tenants/acme/documents/%ff"), "not text");
}

#[test]
fn an_existing_apis_path_takes_any_project_and_stands_before_our_own() {
    let mut routes = vec![route(FILES, TenantSource::Path)];
    routes.extend(default_routes());
    let read = |path: &str| verdict(&routes, &asked(&Method::GET, path, &[]));
    assert_eq!(read("/api/v2/acme/projects/7/files/42/content?inline=1"), "read acme/papers/42");
    assert_eq!(read("/api/v2/acme/projects/%FF/files/42/content"), "not text");
    assert_eq!(read("/api/v2/acme/projects/7/files/42"), "no such path");
    assert_eq!(read("/api/v2/acme/projects//files/42/content"), "no such path");
    assert_eq!(read("/api/v2/acme/projects/7/fil%65s/42/content"), "read acme/papers/42", "encoded without need");
    assert_eq!(read("/API/v2/acme/projects/7/files/42/content"), "no such path");
    assert_eq!(read("/v1/tenants/acme/documents/1"), "read acme/documents/1");
}

#[test]
fn case_is_ignored_where_the_existing_api_does_so() {
    let mut files = route(FILES, TenantSource::Path);
    files.config = Arc::new(RouteConfig { ignore_case: true, ..(*files.config).clone() });
    let head = asked(&Method::GET, "/API/V2/Acme/Projects/7/FILES/aB/Content", &[]);
    assert_eq!(verdict(&[files], &head), "read acme/papers/aB");
}

#[test]
fn a_tenant_is_named_by_host_by_header_or_by_the_table() {
    let by_host = TenantSource::Host { before: String::new(), after: ".docs.example.com".to_owned() };
    let routes = [
        route("/files/{id}", by_host),
        route("/files/{id}", TenantSource::Header("x-tenant".parse().unwrap())),
        route("/old/{id}", TenantSource::Constant("acme".parse().unwrap())),
    ];
    let read = |path: &str, headers: &[(&str, &str)]| verdict(&routes, &asked(&Method::GET, path, headers));
    assert_eq!(read("/files/1", &[("host", "Globex.docs.example.com:8080")]), "read globex/papers/1");
    assert_eq!(read("http://acme.docs.example.com/files/1", &[("host", "globex.docs.example.com")]), "read acme/papers/1");
    assert_eq!(read("/files/1", &[("host", "example.com"), ("x-tenant", "hooli")]), "read hooli/papers/1");
    assert_eq!(read("/files/1", &[("x-tenant", "hooli"), ("x-tenant", "acme")]), "no such path", "which of the two?");
    assert_eq!(read("/files/1", &[("host", ".docs.example.com")]), "no such path");
    assert_eq!(read("/files/1", &[("host", "docs.example.com")]), "no such path");
    assert_eq!(read("/old/1", &[]), "read acme/papers/1");
}

proptest! {
    #[test]
    fn no_path_panics(path in "/[!-~]{0,120}") {
        if let Ok(uri) = path.parse::<Uri>() {
            lookup(&Method::GET, &uri.to_string());
        }
    }

    #[test]
    fn what_is_filled_in_is_found_again(tenant in "[a-z0-9-]{1,9}", id in "\\PC{1,40}") {
        let files = route(FILES.replace('*', "7").as_str(), TenantSource::Path);
        let captured = Captured { tenant, collection: "papers".to_owned(), id, ..Captured::default() };
        let path = fill(&files.config.template, &captured);
        let head = asked(&Method::GET, &path, &[]);
        let Matched::Found(_, found) = find(std::slice::from_ref(&files), &head) else { panic!("{path}") };
        prop_assert_eq!(found, captured);
    }
}

#[test]
fn a_collection_is_listed_and_takes_new_documents() {
    for (method, operation) in [(Method::GET, "list"), (Method::HEAD, "list"), (Method::POST, "create")] {
        assert_eq!(lookup(&method, "/v1/tenants/acme/documents"), format!("{operation} acme/documents/"));
    }
}

#[test]
fn metadata_is_a_segment_after_the_id_and_an_id_may_be_called_so() {
    assert_eq!(lookup(&Method::GET, "/v1/tenants/acme/documents/a/metadata"), "metadata acme/documents/a");
    assert_eq!(lookup(&Method::GET, "/v1/tenants/acme/documents/a%2Fmetadata"), "read acme/documents/a/metadata");
}

#[test]
fn a_document_that_was_made_is_found_where_its_own_tenant_reads_it() {
    let mut routes = vec![
        route("/old/{id}", TenantSource::Constant("acme".parse().unwrap())),
        route("/by-header/{id}", TenantSource::Header("x-tenant".parse().unwrap())),
    ];
    routes.extend(default_routes());
    let path = |tenant: &str, collection: &str| {
        let document = Captured { tenant: tenant.to_owned(), collection: collection.to_owned(), id: "1".to_owned(), ..Captured::default() };
        document_path(&routes, &document)
    };
    assert_eq!(path("acme", "papers").as_deref(), Some("/old/1"));
    assert_eq!(path("globex", "papers").as_deref(), Some("/v1/tenants/globex/papers/1"));
    assert_eq!(path("acme", "documents").as_deref(), Some("/v1/tenants/acme/documents/1"));
}
