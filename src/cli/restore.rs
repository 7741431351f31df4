//! `sluss restore`: says what a restore to an instant would do, asks, has it done, and says how to undo it.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use clap::Args;
use http::Method;
use jiff::Timestamp;
use serde_json::json;

use super::progress::Progress;
use super::remote::{LOOK_EVERY, Remote, read, segment};
use super::{AdminArgs, Exit};
use crate::admin::restores::{PlanLine, PlanTotals, RestoreAnswer, RestoreList, RestoreOutcome, RestoreView};
use crate::config::byte_size_text;
use crate::migrate::restore::{PlannedAction, PlannedDocument};
use crate::model::restore::RestoreFigures;

/// Documents of a plan that are shown on a terminal; --json shows all.
const SHOWN: u64 = 20;

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    #[arg(long)]
    tenant: String,
    /// The instant, as in 2026-11-20T12:00:00Z.
    #[arg(long, value_name = "TIME", required_unless_present_any = ["list", "cancel"])]
    at: Option<Timestamp>,
    /// Only this document.
    #[arg(long, value_name = "COLLECTION/ID")]
    document: Option<String>,
    /// Brings the contents of that instant into this tenant, and leaves the tenant itself as it is.
    #[arg(long, value_name = "TENANT")]
    into: Option<String>,
    /// Only says what would be done. With --json, every document on a line.
    #[arg(long, conflicts_with = "yes")]
    plan: bool,
    /// Does it without asking.
    #[arg(long)]
    yes: bool,
    /// Returns at once; the agents go on.
    #[arg(long)]
    no_wait: bool,
    /// Lists the tenant's restores, and how to undo each.
    #[arg(long, conflicts_with_all = ["at", "document", "into", "plan", "yes", "no_wait"])]
    list: bool,
    /// Cancels this restore, which is under way. What it has changed stays.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["at", "document", "into", "plan", "yes", "list"])]
    cancel: Option<u64>,
    #[command(flatten)]
    admin: AdminArgs,
}

pub(super) async fn run(args: RestoreArgs, json: bool) -> anyhow::Result<Exit> {
    let remote = Remote::new(&args.admin, json)?;
    if let Some(number) = args.cancel {
        return cancel(&remote, &args, number).await;
    }
    let Some(at) = args.at else { return list(&remote, &args.tenant).await };
    let (blockers, totals) = show_plan(&remote, &args, at).await?;
    if !blockers.is_empty() {
        if !json {
            blockers.iter().for_each(|blocker| println!("  BLOCK {blocker}"));
            println!("nothing is restored");
        }
        return Ok(Exit::Refused);
    }
    if args.plan {
        return Ok(Exit::Done);
    }
    if !args.yes && !is_confirmed(&args.into, &args.tenant)? {
        println!("nothing is restored");
        return Ok(Exit::Refused);
    }
    execute(&remote, &args, at, &totals).await
}

/// Prints the plan as it comes, and answers with what speaks against it and what it comes to.
async fn show_plan(remote: &Remote, args: &RestoreArgs, at: Timestamp) -> anyhow::Result<(Vec<String>, PlanTotals)> {
    let mut path = format!("/admin/v1/restores/plan?tenant={}&at={}", segment(&args.tenant), segment(&at.to_string()));
    for (name, value) in [("document", &args.document), ("into", &args.into)] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", segment(value)));
        }
    }
    let mut lines = remote.lines(&path).await?;
    let (mut blockers, mut totals, mut shown) = (Vec::new(), None, 0);
    let mut progress = Progress::new(&args.tenant, remote.is_json());
    while let Some(text) = lines.next().await? {
        if remote.is_json() && args.plan {
            println!("{text}");
        }
        match serde_json::from_str(&text).context("the admin API's answer is of another version")? {
            PlanLine::Blockers(found) => blockers = found,
            PlanLine::Totals(found) => totals = Some(found),
            PlanLine::LookedAt(documents) => progress.show(documents, None, |pace| format!("{documents} documents looked at{pace}")),
            PlanLine::Document(planned) => {
                if !remote.is_json() && shown < SHOWN {
                    progress.beside(|| print_planned(&planned));
                }
                shown += 1;
            }
        }
    }
    drop(progress);
    let Some(totals) = totals else { bail!("the plan broke off: what it would come to is not known") };
    if !remote.is_json() {
        if shown > SHOWN {
            println!("  and {} more; --plan --json shows all", shown - SHOWN);
        }
        print_totals(&args.tenant, at, args.into.as_deref(), &totals);
    }
    Ok((blockers, totals))
}

fn print_planned(planned: &PlannedDocument) {
    let PlannedDocument { collection, document, action, bytes, stamp, doubtful, reason } = planned;
    let what = match (action, stamp, reason) {
        (PlannedAction::Restore, Some(stamp), _) => format!("restore   version {stamp}, {}", byte_size_text(bytes)),
        (PlannedAction::Restore, None, _) => format!("restore   the current content, {}", byte_size_text(bytes)),
        (PlannedAction::Remove, _, _) => "remove    it had no content then".to_owned(),
        (PlannedAction::Stay, _, Some(reason)) => format!("cannot    {reason}"),
        (PlannedAction::Stay, _, None) => "stays".to_owned(),
    };
    let doubt = if *doubtful { " (in doubt: nobody saw when its content was written)" } else { "" };
    println!("  {collection}/{document}  {what}{doubt}");
}

fn print_totals(tenant: &str, at: Timestamp, into: Option<&str>, totals: &PlanTotals) {
    let PlanTotals { restored, restored_bytes, removed, left, doubtful } = totals;
    let target = into.map(|into| format!(" into {into}")).unwrap_or_default();
    println!(
        "{tenant} at {at}{target}: {restored} documents with {} are restored, {removed} lose their content",
        byte_size_text(restored_bytes)
    );
    if *left > 0 {
        println!("  {left} cannot be brought back, and stay as they are");
    }
    if *doubtful > 0 {
        println!(
            "  {doubtful} in doubt: written straight to SQL, and seen by a copy only after that instant. What was there before them left no trace"
        );
    }
}

fn is_confirmed(into: &Option<String>, tenant: &str) -> anyhow::Result<bool> {
    let written_to = into.as_deref().unwrap_or(tenant);
    if !std::io::stdin().is_terminal() {
        bail!("a restore changes documents: say --yes, or --plan to only see what it would do");
    }
    print!("type the name of the tenant that is written to, {written_to}, to restore: ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == written_to)
}

async fn execute(remote: &Remote, args: &RestoreArgs, at: Timestamp, totals: &PlanTotals) -> anyhow::Result<Exit> {
    let wish = json!({ "tenant": args.tenant, "at": at, "document": args.document, "into": args.into });
    let asked = remote.ask(Method::POST, "/admin/v1/restores", Some(wish)).await?;
    let answer: RestoreAnswer = read(asked.clone())?;
    let (RestoreOutcome::Begun, Some(number)) = (answer.outcome, answer.number) else {
        if !remote.printed(&asked) {
            answer.blockers.iter().for_each(|blocker| println!("  BLOCK {blocker}"));
            println!("nothing is restored");
        }
        return Ok(Exit::Refused);
    };
    if args.no_wait {
        if !remote.printed(&asked) {
            println!("{}: restore {number} has begun", args.tenant);
        }
        return Ok(Exit::Done);
    }
    let is_whole = follow(remote, &args.tenant, number, Some(totals.restored + totals.removed)).await?;
    Ok(if is_whole { Exit::Done } else { Exit::Failed })
}

async fn cancel(remote: &Remote, args: &RestoreArgs, number: u64) -> anyhow::Result<Exit> {
    let tenant = &args.tenant;
    let path = format!("/admin/v1/restores/{}/cancel", segment(&format!("{tenant}:{number}")));
    let asked = remote.ask(Method::POST, &path, None).await?;
    let answer: RestoreAnswer = read(asked.clone())?;
    if answer.outcome != RestoreOutcome::Cancelled {
        if !remote.printed(&asked) {
            answer.blockers.iter().for_each(|blocker| println!("  BLOCK {blocker}"));
            println!("nothing is cancelled");
        }
        return Ok(Exit::Refused);
    }
    if args.no_wait {
        if !remote.printed(&asked) {
            println!("{tenant}: restore {number} is being cancelled");
        }
        return Ok(Exit::Done);
    }
    follow(remote, tenant, number, None).await?;
    Ok(Exit::Done)
}

/// Shows a restore until it has ended, then what it did and how to undo it. Whether it did all.
async fn follow(remote: &Remote, tenant: &str, number: u64, expected: Option<u64>) -> anyhow::Result<bool> {
    let mut progress = Progress::new(tenant, remote.is_json());
    loop {
        tokio::time::sleep(LOOK_EVERY / 4).await;
        let seen = remote.ask(Method::GET, &format!("/admin/v1/restores?tenant={}", segment(tenant)), None).await?;
        let list: RestoreList = read(seen.clone())?;
        let parts: Vec<&RestoreView> = list.restores.iter().filter(|restore| restore.run.number == number).collect();
        let mut sum = RestoreFigures::default();
        parts.iter().for_each(|part| sum.add(&part.run.figures));
        if parts.iter().all(|part| part.run.ended_at.is_some()) {
            drop(progress);
            if !remote.printed(&seen) {
                parts.iter().for_each(|part| print(part));
                print_undo(parts.first().copied());
            }
            return Ok(sum.failed == 0 && parts.iter().all(|part| part.run.stopped.is_none()));
        }
        let RestoreFigures { restored, restored_bytes, removed, .. } = sum;
        progress.show(restored + removed, expected, |pace| {
            format!("{restored} documents with {} restored, {removed} removed{pace}", byte_size_text(&restored_bytes))
        });
    }
}

async fn list(remote: &Remote, tenant: &str) -> anyhow::Result<Exit> {
    let seen = remote.ask(Method::GET, &format!("/admin/v1/restores?tenant={}", segment(tenant)), None).await?;
    if remote.printed(&seen) {
        return Ok(Exit::Done);
    }
    let list: RestoreList = read(seen)?;
    if list.restores.is_empty() {
        println!("{tenant}: nothing was ever restored to an instant");
    }
    for (at, restore) in list.restores.iter().enumerate() {
        print(restore);
        if list.restores.get(at + 1).is_none_or(|next| next.run.number != restore.run.number) {
            print_undo(Some(restore));
        }
    }
    Ok(Exit::Done)
}

fn print(restore: &RestoreView) {
    let RestoreView { tenant, run, .. } = restore;
    let RestoreFigures { looked_at, restored, restored_bytes, removed, doubtful, dealt, marked, barred, failed } = run.figures;
    let state = match (&run.ended_at, &run.stopped) {
        (None, None) => "under way".to_owned(),
        (None, Some(why)) => format!("under way, {why}"),
        (Some(at), None) => format!("ended {at:.0}"),
        (Some(at), Some(why)) => format!("given up {at:.0}: {why}"),
    };
    let of = run.document.as_ref().map(|document| format!("/{document}")).unwrap_or_default();
    let into = run.into.as_ref().map(|into| format!(" into {into}")).unwrap_or_default();
    println!(
        "{tenant}/{}{of} to {}{into} (restore {}): {state}; {looked_at} looked at, {restored} restored with {}, {removed} removed",
        run.collection,
        run.instant,
        run.number,
        byte_size_text(&restored_bytes)
    );
    let others = [
        (doubtful, "in doubt: nobody saw when their content was written"),
        (dealt, "stay: clients changed them after the restore began, or it had dealt with them before an interruption"),
        (marked, "stay: marked as deleted, and since when was not noted"),
        (barred, "stay: the application makes the rows of this collection"),
        (failed, "stay: refused; the log says why"),
    ];
    for (documents, why) in others.iter().filter(|(documents, _)| *documents > 0) {
        println!("  {documents:>10} {why}");
    }
}

/// What went into another tenant has left this one as it was.
fn print_undo(restore: Option<&RestoreView>) {
    if let Some(RestoreView { tenant, run, undone_by }) = restore.filter(|restore| restore.run.into.is_none()) {
        let only = run.document.as_ref().map(|document| format!(" --document {}/{document}", run.collection)).unwrap_or_default();
        println!("  to undo it: sluss restore --tenant {tenant} --at {undone_by}{only}");
    }
}
