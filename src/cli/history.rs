//! `sluss history`: what a tenant's versions come to, and what would be removed.

use http::Method;

use super::Exit;
use super::progress::duration;
use super::remote::{Remote, read, segment};
use crate::admin::history::{CountView, HistoryView};
use crate::config::byte_size_text;

impl Remote {
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
