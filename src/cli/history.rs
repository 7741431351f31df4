//! `sluss history`: what a tenant's versions come to, and what would be removed.

use http::Method;

use super::Exit;
use super::progress::duration;
use super::remote::{Remote, read, segment};
use crate::admin::history::{CountView, HistoryView, PastList};
use crate::config::byte_size_text;

/// Versions that are shown of one document.
const SHOWN: usize = 100;

impl Remote {
    pub(super) async fn list_versions(&self, tenant: &str, document: &str) -> anyhow::Result<Exit> {
        let path = format!("/admin/v1/versions?tenant={}&document={}&limit={SHOWN}", segment(tenant), segment(document));
        let answer = self.ask(Method::GET, &path, None).await?;
        if self.printed(&answer) {
            return Ok(Exit::Done);
        }
        let PastList { tenant, collection, document, versions, next } = read(answer)?;
        if versions.is_empty() {
            println!("{tenant}/{collection}/{document}: no content of before is kept");
        }
        for version in versions {
            let from = match (version.held_from, version.exact) {
                (Some(from), true) => format!("{from:.0}"),
                (Some(seen), false) => format!("{seen:.0} or before"),
                (None, _) => "nobody saw when".to_owned(),
            };
            let name = version.file_name.map(|name| format!("  {name}")).unwrap_or_default();
            println!("{}  {:>9}  from {from} to {:.0}{name}", version.stamp, byte_size_text(&version.bytes), version.held_to);
            println!(
                "  to make it current: sluss restore --tenant {tenant} --document {collection}/{document} --at {}",
                version.restored_by
            );
        }
        if next.is_some() {
            println!("and older ones; --json shows where the next page begins");
        }
        Ok(Exit::Done)
    }

    pub(super) async fn show_history(&self, tenant: &str) -> anyhow::Result<Exit> {
        let answer = self.ask(Method::GET, &format!("/admin/v1/tenants/{}/history", segment(tenant)), None).await?;
        if self.printed(&answer) {
            return Ok(Exit::Done);
        }
        let HistoryView { tenant, keep_for_seconds, oldest_sql_backup_seconds, all, staged, past } = read(answer)?;
        println!("{tenant}: {} are kept, {} of them on their way to the object store", told(all), told(staged));
        match oldest_sql_backup_seconds {
            Some(backup) => println!(
                "{tenant}: the next collection removes {}: older than keep_for ({}) and than oldest_sql_backup ({})",
                told(past),
                duration(keep_for_seconds),
                duration(backup)
            ),
            None => {
                println!("{tenant}: nothing is removed: the tenant's file does not say how old a SQL backup may get (oldest_sql_backup)");
            }
        }
        Ok(Exit::Done)
    }
}

fn told(CountView { versions, bytes }: CountView) -> String {
    format!("{versions} versions with {}", byte_size_text(&bytes))
}
