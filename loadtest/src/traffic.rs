//! Clients that read documents of one length, each with one request in flight, and how long each answer took to its last byte.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use http::header::HeaderMap;
use http::{Method, StatusCode};
use sluss::body;
use sluss::client::HttpClient;
use tokio::task::JoinSet;
use tokio::time::Instant;

#[derive(Clone)]
pub struct Traffic {
    pub server: HttpClient,
    pub paths: Arc<[String]>,
    /// Of each document.
    pub bytes: usize,
    pub clients: usize,
}

impl Traffic {
    /// Each document once: what can be warm is.
    pub async fn warm_up(&self) -> anyhow::Result<()> {
        for path in self.paths.iter() {
            self.get(path).await?;
        }
        Ok(())
    }

    pub async fn run(&self, lasts: Duration) -> anyhow::Result<Vec<Duration>> {
        let until = Instant::now() + lasts;
        let mut running = JoinSet::new();
        for client in 0..self.clients {
            let this = self.clone();
            running.spawn(async move {
                let (documents, mut times) = (this.paths.len(), Vec::new());
                let mut at = client * documents / this.clients;
                while Instant::now() < until {
                    let begun = Instant::now();
                    this.get(&this.paths[at]).await?;
                    times.push(begun.elapsed());
                    at = (at + 1) % documents;
                }
                anyhow::Ok(times)
            });
        }
        let mut all = Vec::new();
        while let Some(times) = running.join_next().await {
            all.extend(times??);
        }
        Ok(all)
    }

    async fn get(&self, path: &str) -> anyhow::Result<()> {
        let answer = self.server.request(Method::GET, path, HeaderMap::new(), body::empty()).await?;
        ensure!(answer.status == StatusCode::OK, "GET {path} answered {}", answer.status);
        let length = answer.bytes(self.bytes).await?.len();
        ensure!(length == self.bytes, "{length} bytes came of {}", self.bytes);
        Ok(())
    }

    /// What the answer to a read of the first document says under this name.
    pub async fn header(&self, name: &str) -> anyhow::Result<String> {
        let path = self.paths.first().context("there is a document")?;
        let answer = self.server.request(Method::GET, path, HeaderMap::new(), body::empty()).await?;
        let value = answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
        answer.bytes(self.bytes).await?;
        Ok(value)
    }
}
