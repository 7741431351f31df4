//! A real Prometheus scrapes real processes to which everything has happened that dashboards and alerts are to show, and each query of each
//! of them is put to it.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use http::{HeaderMap, Method};
use sluss::body;

use super::dashboards::{self, Query};
use super::prometheus::Prometheus;
use super::stage::Stage;
use super::support::wait::{block_on, wait_at_most};
use super::{files, said_by};

/// What is wrong on the stage, and therefore said.
const PROVOKED: [&str; 7] = [
    "SlussBreakerOpen",
    "SlussFallbacksRising",
    "SlussJobsQuarantined",
    "SlussMismatch",
    "SlussPlacementFull",
    "SlussSoleObjectBroken",
    "SlussWriteAroundGateway",
];

/// Rules on rates over long windows: the tests of the rules have them.
const NOT_OF_SECONDS: &str = "SlussReads";

/// A slow machine is no finding.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn every_query_of_every_dashboard_has_an_answer_and_what_is_wrong_raises_its_alert_and_no_other() {
    let port = Prometheus::port();
    let mut stage = Stage::set(port);
    let scrapes = format!(
        "  - {{job_name: sluss, static_configs: [{{targets: ['127.0.0.1:{}']}}]}}\n  - {{job_name: sluss-agents, scheme: https, tls_config: \
         {{ca_file: {:?}, server_name: localhost}}, static_configs: [{{targets: ['127.0.0.1:{}']}}]}}\n",
        stage.admin(),
        stage.authority,
        stage.observed
    );
    let prometheus = Prometheus::start(port, &scrapes, &files("grafana/alerts", ".yaml"));
    // A flip is marked where the phase before it was scraped, too.
    wait_at_most(PATIENCE, "the first phase is seen", || {
        prometheus.query("sluss_tenant_phase{tenant='acme', phase='sql'} == 1").is_ok_and(|seen| seen > 0)
    });
    stage.provoke();
    assert_promtool_likes(&page(stage.admin()));

    let mut open: Vec<Query> = Vec::new();
    for dashboard in dashboards::all() {
        open.extend(dashboards::queries(&dashboard).into_iter().map(|query| filled(query, dashboard["uid"] == "sluss-tenant")));
        let asked = dashboards::variables(&dashboard).into_iter();
        open.extend(asked.map(|(name, metric, label)| Query { place: format!("${name}"), expr: format!("count by ({label}) ({metric})") }));
    }
    assert!(open.len() > 100, "the queries are not where this test looks");
    let (mut rounds, mut firing) = (0, BTreeSet::new());
    wait_at_most(PATIENCE, "every query has an answer, and everything that is wrong is said", || {
        stage.traffic();
        open.retain(|Query { place, expr }| prometheus.query(expr).unwrap_or_else(|error| panic!("{place}: {error} in\n{expr}")) == 0);
        firing = prometheus.firing().into_iter().filter(|name| !name.starts_with(NOT_OF_SECONDS)).collect();
        rounds += 1;
        if rounds % 100 == 0 {
            let left: Vec<String> = open.iter().map(|Query { place, expr }| format!("{place}: {expr}")).collect();
            eprintln!("without an answer:\n{}\nfiring: {firing:?}", left.join("\n"));
        }
        open.is_empty() && firing.iter().map(String::as_str).eq(PROVOKED)
    });
    every_rule_is_healthy(&prometheus);
}

/// As Grafana would fill it in, for everything that can be chosen.
fn filled(Query { place, expr }: Query, one_tenant: bool) -> Query {
    let tenant = if one_tenant { "acme" } else { ".*" };
    let expr = expr.replace("$__rate_interval", "1m").replace("$tenant", tenant).replace("$instance", ".*");
    assert!(!expr.contains('$'), "{place}: {expr}");
    Query { place, expr }
}

fn page(port: u16) -> String {
    let client = sluss::client::HttpClient::new(format!("http://127.0.0.1:{port}").parse().unwrap(), None).unwrap();
    let bytes = block_on(async move {
        client.request(Method::GET, "/metrics", HeaderMap::new(), body::empty()).await.unwrap().bytes(16 << 20).await.unwrap()
    });
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Names, units and help as Prometheus' own conventions have them.
fn assert_promtool_likes(page: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page");
    std::fs::write(&file, page).unwrap();
    let said = said_by(Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::from(std::fs::File::open(&file).unwrap())));
    assert_eq!(said, "");
}

/// Each was evaluated, and none failed.
fn every_rule_is_healthy(prometheus: &Prometheus) {
    let answer = prometheus.api("rules");
    let groups = answer["data"]["groups"].as_array().unwrap();
    let rules: Vec<_> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert!(rules.len() > 30, "{answer}");
    for rule in rules {
        assert_eq!((&rule["health"], &rule["lastError"]), (&"ok".into(), &serde_json::Value::Null), "{rule}");
    }
}
