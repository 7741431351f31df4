//! `sluss purge`: asks for a dry run or for a purge, waits for its end, and says what it freed.

use http::Method;
use serde_json::json;

use super::Exit;
use super::progress::Progress;
use super::remote::{LOOK_EVERY, Remote, read, segment};
use crate::admin::purge::{PurgeAnswer, PurgeList, PurgeOutcome};
use crate::admin::views::TenantView;
use crate::model::purge::{PurgeFigures, PurgeRun};

impl Remote {
    pub(super) async fn purge(&self, tenant: &str, execute: bool, wait: bool) -> anyhow::Result<Exit> {
        let path = format!("/admin/v1/tenants/{}/purge", segment(tenant));
        let asked = self.ask(Method::POST, &path, Some(json!({ "dry_run": !execute }))).await?;
        let answer: PurgeAnswer = read(asked.clone())?;
        if answer.outcome == PurgeOutcome::Blocked {
            if !self.printed(&asked) {
                answer.blockers.iter().for_each(|blocker| println!("  BLOCK {blocker}"));
                println!("nothing leaves the sql of {tenant}");
            }
            return Ok(Exit::Refused);
        }
        if !wait {
            if !self.printed(&asked) {
                println!("{tenant}: {} has begun", name(!execute));
            }
            return Ok(Exit::Done);
        }
        // What the database holds beside the object store may leave; without figures, nobody knows how much that is.
        let view: TenantView = read(self.ask(Method::GET, &format!("/admin/v1/tenants/{}", segment(tenant)), None).await?)?;
        let expected = view.counted_at.and_then(|_| u64::try_from(view.held_by.get("both")?.documents).ok());
        let mut progress = Progress::new(tenant, self.is_json());
        loop {
            tokio::time::sleep(LOOK_EVERY / 4).await;
            let seen = self.ask(Method::GET, &path, None).await?;
            let list: PurgeList = read(seen.clone())?;
            if list.runs.iter().all(|run| run.ended_at.is_some()) {
                drop(progress);
                if !self.printed(&seen) {
                    print(&list);
                }
                let whole = list.runs.iter().all(|run| run.stopped.is_none());
                return Ok(if whole { Exit::Done } else { Exit::Failed });
            }
            let sum = |of: fn(&PurgeFigures) -> u64| list.runs.iter().map(|run| of(&run.figures)).sum::<u64>();
            let (documents, bytes) = (sum(|figures| figures.documents), sum(|figures| figures.bytes));
            let looked_at = documents + sum(|figures| figures.unverified + figures.too_young + figures.moved);
            progress.show(looked_at, expected.map(|expected| expected.max(looked_at)), |pace| {
                format!("{} under way, {documents} documents with {bytes} bytes so far{pace}", name(!execute))
            });
        }
    }
}

fn name(dry_run: bool) -> &'static str {
    if dry_run { "a dry run" } else { "a purge" }
}

fn print(list: &PurgeList) {
    for run in &list.runs {
        print_run(&list.tenant, run);
    }
    if list.runs.iter().all(|run| run.dry_run) {
        println!("nothing was changed; --execute does it");
    } else {
        println!(
            "the database keeps its size on disk until it is rebuilt: SQL Server by rebuilding the table's indexes and shrinking the file, SQLite by VACUUM"
        );
    }
}

fn print_run(tenant: &str, run: &PurgeRun) {
    let PurgeFigures { documents, bytes, unverified, too_young, moved } = run.figures;
    let (what, collection) = (if run.dry_run { "would leave" } else { "left" }, &run.collection);
    println!("{tenant}/{collection}: {documents} contents with {bytes} bytes {what} sql");
    let kept = [
        (unverified, "not verified since they changed: `sluss verify`, then again"),
        (too_young, "copied after the oldest sql backup was made: later"),
        (moved, "changed meanwhile"),
    ];
    for (documents, why) in kept.iter().filter(|(documents, _)| *documents > 0) {
        println!("  {documents:>10} stay: {why}");
    }
    if let Some(reason) = &run.stopped {
        println!("  it did not come to the end of the table: {reason}");
    }
}
