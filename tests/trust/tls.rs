//! A store behind TLS, with a certificate of an authority that the operating system does not know.

use http::StatusCode;
use sluss_s3::{Bucket, Server};
use sluss_tds::wire::Certificate;

use crate::end_tls::end_tls_before;
use crate::site::{Site, in_bucket};

#[test]
fn a_store_of_an_own_authority_is_trusted_where_the_tenants_file_names_it() {
    let certificate = Certificate::generate().unwrap();
    let address = end_tls_before(Server::shared().endpoint.strip_prefix("http://").unwrap(), &certificate);
    let bucket = Bucket::new().behind(format!("https://{address}"));
    let site = Site::new(&in_bucket(&bucket));
    let findings = site.doctor(1);
    let refused = findings.iter().find(|finding| finding.gravity == "refused").unwrap();
    assert!(refused.found.contains("certificate") && refused.advice.contains("ca_file"), "{findings:#?}");

    let authority = site.tenant_file().with_file_name("authority.pem");
    std::fs::write(&authority, certificate.authority_pem).unwrap();
    site.place(&format!("{}ca_file = {authority:?}\n", in_bucket(&bucket)));
    site.doctor(0);
    let _process = site.serve();
    assert_eq!(site.put(1, "one").status, StatusCode::CREATED);
    assert_eq!((site.get(1).status, site.get(1).body), (StatusCode::OK, "one".to_owned()));
}
