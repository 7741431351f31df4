//! `sluss verify`: asks for a verification, shows how far it is, and lists every difference with what each side says.

use anyhow::bail;
use http::Method;
use serde_json::json;

use super::Exit;
use super::progress::{self as shown, duration};
use super::remote::{LOOK_EVERY, Remote, read, segment};
use crate::admin::verification::{Begun, DifferenceList, Progress, Verifications};
use crate::model::verification::{Difference, Facts, Remedy, VerifyFigures, VerifyRun};

impl Remote {
    pub(super) async fn verify(&self, tenant: &str, repair: bool, wait: bool) -> anyhow::Result<Exit> {
        let path = format!("/admin/v1/tenants/{}", segment(tenant));
        let asked = self.ask(Method::POST, &format!("{path}/verify"), Some(json!({ "repair": repair }))).await?;
        let begun: Begun = read(asked.clone())?;
        if !wait {
            if !self.printed(&asked) {
                println!("{tenant}: verification {} has begun", begun.number);
            }
            return Ok(Exit::Done);
        }
        let runs = self.wait_for(tenant, &path, begun.number).await?;
        let figures = runs.iter().fold(VerifyFigures::default(), |sum, run| sum.plus(&run.figures));
        let differences = self.differences(&path).await?;
        if self.is_json() {
            println!("{}", json!({ "tenant": tenant, "runs": runs, "figures": figures, "differences": differences }));
        } else {
            differences.iter().for_each(print_difference);
            print_figures(tenant, &figures, &differences);
        }
        Ok(if differences.is_empty() && figures.failed == 0 { Exit::Done } else { Exit::Failed })
    }

    /// The runs of this verification, or of one that took its place, once all of them have come to the end.
    async fn wait_for(&self, tenant: &str, path: &str, number: u64) -> anyhow::Result<Vec<VerifyRun>> {
        let mut shown = shown::Progress::new(tenant, self.is_json());
        loop {
            let seen: Verifications = read(self.ask(Method::GET, &format!("{path}/verification"), None).await?)?;
            let Some(progress) = seen.progress.filter(|progress| progress.number >= number) else { return Ok(seen.runs) };
            if let Some(reason) = seen.stuck {
                bail!("the verification of {} does not go on: {reason}", seen.tenant);
            }
            let done = progress.figures.documents;
            // The run's own rate is of its whole way, over restarts of this command, too.
            shown.show(done, progress.documents_expected.map(|expected| expected.max(done)), |_| line(&progress));
            tokio::time::sleep(LOOK_EVERY / 4).await;
        }
    }

    async fn differences(&self, path: &str) -> anyhow::Result<Vec<Difference>> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page: DifferenceList = read(self.ask(Method::GET, &format!("{path}/differences?after={after}"), None).await?)?;
            all.extend(page.differences);
            match page.next {
                Some(next) => after = next,
                None => return Ok(all),
            }
        }
    }
}

/// What a line tells beside how much of it is done.
fn line(progress: &Progress) -> String {
    let Progress { figures, documents_per_second, bytes_per_second, seconds_left, .. } = progress;
    let left = seconds_left.map(|seconds| format!(", {} left", duration(seconds))).unwrap_or_default();
    format!(
        "{} documents, {} differ, {documents_per_second:.0} documents/s, {:.1} MB/s{left}",
        figures.documents,
        figures.different,
        bytes_per_second / 1e6
    )
}

fn print_difference(difference: &Difference) {
    let Difference { kind, collection, document, object, sole, found_by, found_at, remedy, sides, .. } = difference;
    let name = match (collection, document) {
        (Some(collection), Some(document)) => format!("{collection}/{document}"),
        (_, _) => object.clone().unwrap_or_default(),
    };
    let done = match remedy {
        Remedy::Open if *sole => "open; the object is the only holder: restore it from a backup, or write the document anew",
        Remedy::Open => "open",
        Remedy::Replaced => "the object is a version now, and a copy of what sql holds was asked for",
    };
    println!("{:<15} {name}: {kind}", kind.label());
    let told = [("location", &sides.location), ("sql", &sides.sql), ("object", &sides.object)];
    for (side, facts) in told.into_iter().filter_map(|(side, facts)| Some((side, facts.as_ref()?))) {
        println!("    {side:<9} {}", told_by(facts));
    }
    if let Some(object) = object.as_ref().filter(|_| document.is_some()) {
        println!("    {:<9} {object}", "named");
    }
    println!("    {:<9} by {} at {found_at:.0}; {done}", "found", found_by.label());
}

fn told_by(facts: &Facts) -> String {
    let parts = [
        facts.length_bytes.map(|bytes| format!("{bytes} bytes")),
        facts.sha256.as_ref().map(|sha256| format!("sha256 {sha256}")),
        facts.first_differing_piece.map(|piece| format!("differs from piece {piece} on")),
        facts.revision.map(|revision| format!("revision {revision}")),
        facts.media_type.as_ref().map(|media_type| format!("media type {media_type:?}")),
        facts.file_name.as_ref().map(|file_name| format!("file name {file_name:?}")),
        facts.note.clone(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn print_figures(tenant: &str, figures: &VerifyFigures, differences: &[Difference]) {
    let VerifyFigures { documents, bytes, verified, unlocated, moved, failed, objects, .. } = figures;
    println!(
        "{tenant}: {documents} documents and {objects} objects looked at, {bytes} bytes read; {verified} documents are equal in all their holders"
    );
    let others = [(unlocated, "have no true copy yet"), (moved, "changed meanwhile"), (failed, "could not be read: see the log")];
    for (documents, what) in others.iter().filter(|(documents, _)| **documents > 0) {
        println!("  {documents:>10} {what}");
    }
    let open = differences.iter().filter(|difference| difference.remedy == Remedy::Open).count();
    match (differences.len(), open) {
        (0, _) => println!("no difference"),
        (found, open) => println!("{found} differences, {open} open"),
    }
}
