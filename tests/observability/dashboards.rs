//! The dashboards as files: what a script makes, laid out without overlaps, and nothing in them that does not exist.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{faults, files, root, said_by, series};

/// A query, and where it stands.
pub(crate) struct Query {
    pub(crate) place: String,
    pub(crate) expr: String,
}

pub(crate) fn all() -> Vec<Value> {
    files("grafana/dashboards", ".json").iter().map(|file| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()).collect()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a Vec<Value> {
    value.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list {pointer} in {}", value["title"]))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no text {key} in {value}"))
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(dashboard, "/panels").iter().filter(|panel| panel["type"] != "row")
}

/// Of panels and of annotations, in the order of the page.
pub(crate) fn queries(dashboard: &Value) -> Vec<Query> {
    let page = text(dashboard, "title");
    let of_panel = |panel: &Value| -> Vec<Query> {
        let place = format!("{page}, {}", text(panel, "title"));
        list(panel, "/targets").iter().map(|target| Query { place: place.clone(), expr: text(target, "expr").to_owned() }).collect()
    };
    let of_annotation = |one: &Value| Query { place: format!("{page}, mark {}", text(one, "name")), expr: text(one, "expr").to_owned() };
    let marks = list(dashboard, "/annotations/list").iter().map(of_annotation);
    panels(dashboard).flat_map(of_panel).chain(marks).collect()
}

/// Each variable that is asked of Prometheus, with the metric and the label whose values it has.
pub(crate) fn variables(dashboard: &Value) -> Vec<(String, String, String)> {
    let asked = list(dashboard, "/templating/list").iter().filter(|variable| variable["type"] == "query");
    asked
        .map(|variable| {
            let query = variable["query"]["query"].as_str().unwrap();
            let (metric, label) = query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap().split_once(", ").unwrap();
            (text(variable, "name").to_owned(), metric.to_owned(), label.to_owned())
        })
        .collect()
}

#[test]
fn the_dashboards_are_what_the_script_makes() {
    said_by(Command::new("python3").arg(root().join("grafana/generator/make.py")).arg("--check"));
}

#[test]
fn every_query_asks_for_series_and_labels_that_exist() {
    let series = series();
    let mut wrong = Vec::new();
    for dashboard in all() {
        for Query { place, expr } in queries(&dashboard) {
            wrong.extend(faults(&expr, &series).into_iter().map(|fault| format!("{place}: {fault}")));
        }
        for (name, metric, label) in variables(&dashboard) {
            wrong.extend(faults(&format!("count by ({label}) ({metric})"), &series).into_iter().map(|fault| format!("${name}: {fault}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_dashboard_takes_everything_from_variables_that_it_has_and_uses() {
    for dashboard in all() {
        let title = text(&dashboard, "title");
        let of = &dashboard["templating"]["list"];
        assert_eq!((text(&of[0], "name"), text(&of[0], "type")), ("datasource", "datasource"), "{title}");
        let known: BTreeSet<String> = variables(&dashboard).into_iter().map(|(name, ..)| name).collect();
        let mut used = BTreeSet::new();
        for Query { place, expr } in queries(&dashboard) {
            for name in
                expr.split('$').skip(1).map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>())
            {
                assert!(name == "__rate_interval" || known.contains(&name), "{place}: there is no variable {name:?}");
                used.insert(name);
            }
        }
        used.remove("__rate_interval");
        assert_eq!(used, known, "{title}: a variable that changes nothing");
        for place in panels(&dashboard).chain(list(&dashboard, "/annotations/list")) {
            assert_eq!(place["datasource"]["uid"], "${datasource}", "{title}: {place}");
        }
    }
}

#[test]
fn every_panel_says_what_it_is_for_and_has_a_place_of_its_own() {
    for dashboard in all() {
        let title = text(&dashboard, "title");
        let all = list(&dashboard, "/panels");
        let ids: BTreeSet<i64> = all.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
        assert_eq!(ids.len(), all.len(), "{title}: two panels have one id");
        let mut taken = BTreeSet::new();
        for panel in all {
            let name = text(panel, "title");
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
            assert!(x + w <= 24, "{title}: {name} leaves the page");
            assert!((0..w * h).all(|at| taken.insert((x + at % w, y + at / w))), "{title}: {name} lies on another panel");
        }
        for panel in panels(&dashboard) {
            let name = text(panel, "title");
            assert!(text(panel, "description").ends_with('.'), "{title}: {name} does not say what it is for");
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(
                panel["type"] == "table" || panel["type"] == "state-timeline" || defaults["unit"].is_string(),
                "{title}: {name} has no unit"
            );
            assert!(panel["type"] != "stat" || defaults["thresholds"]["steps"].is_array(), "{title}: {name} is never good or bad");
        }
    }
}

#[test]
fn links_lead_to_dashboards_that_exist_and_every_one_is_reached() {
    let dashboards = all();
    let uids: BTreeSet<&str> = dashboards.iter().map(|dashboard| text(dashboard, "uid")).collect();
    assert_eq!(uids.len(), dashboards.len(), "two dashboards have one uid");
    for dashboard in &dashboards {
        let whole = dashboard.to_string();
        for target in whole.split("\"/d/").skip(1).map(|rest| rest.split('?').next().unwrap()) {
            assert!(uids.contains(target), "{}: there is no {target}", dashboard["title"]);
        }
        let lists_others = list(dashboard, "/links").iter().any(|link| link["type"] == "dashboards" && link["tags"][0] == "sluss");
        assert!(lists_others && list(dashboard, "/tags").contains(&"sluss".into()), "{}", dashboard["title"]);
    }
}

#[test]
fn flips_are_marked_wherever_tenants_are_chosen() {
    for dashboard in all() {
        let chooses_tenants = variables(&dashboard).iter().any(|(name, ..)| name == "tenant");
        let marks = list(&dashboard, "/annotations/list");
        assert_eq!(
            chooses_tenants,
            marks.iter().any(|mark| text(mark, "expr").contains("changes(sluss_tenant_phase")),
            "{}",
            dashboard["title"]
        );
    }
}
