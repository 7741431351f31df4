//! One request through the proxy.

use std::error::Error;
use std::io;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, RANGE};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::net::TcpStream;

use super::answer;
use super::body::{Harm, Passing, Plan};
use super::faults::Faults;
use super::rule::Fault;
use crate::aside;
use crate::server::Server;

/// How long a request that the proxy signs itself may be on its way.
const SIGNED_FOR: Duration = Duration::from_secs(60);

pub(super) struct Forward {
    /// `host:port` of the store.
    store: String,
    /// Signs the proxy's own request for a whole object: a client's `Range` is signed, and cannot be taken away.
    signer: Client,
    faults: Faults,
}

impl Forward {
    pub(super) fn to(server: &Server, faults: Faults) -> Self {
        let store = server.endpoint.strip_prefix("http://").map(|store| store.trim_end_matches('/').to_owned());
        let store = store.unwrap_or_else(|| panic!("{} is not behind plain http", server.endpoint));
        Self { store, signer: server.client(), faults }
    }

    /// `Err` cuts the client's connection.
    pub(super) async fn pass(&self, request: Request<Incoming>) -> io::Result<Response<Passing>> {
        let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        let fate = self.faults.draw(request.method(), path);
        if !fate.delay.is_zero() {
            self.faults.happened(Fault::Delay(fate.delay));
            tokio::time::sleep(fate.delay).await;
        }
        let Some(fault) = fate.fault else { return Ok(self.ask(unchanged(request)).await?.map(Passing::unchanged)) };
        match fault {
            Fault::Delay(_) => Ok(self.ask(unchanged(request)).await?.map(Passing::unchanged)),
            Fault::CutBefore => Err(self.cut(fault)),
            Fault::CutAfter => {
                drain(self.ask(unchanged(request)).await?.into_body()).await?;
                Err(self.cut(fault))
            }
            Fault::CutInRequest(at) => {
                let plan = self.plan(request.body(), Harm::Cut, at, fault);
                let request = request.map(|body| Passing::incoming(body, plan));
                Ok(self.ask(request).await?.map(Passing::unchanged))
            }
            Fault::CutInAnswer(at) => self.harmed(request, Harm::Cut, at, fault).await,
            Fault::Flip(at) => self.harmed(request, Harm::Flip, at, fault).await,
            Fault::Truncate(at) => self.harmed(request, Harm::End, at, fault).await,
            Fault::IgnoreRange => self.whole(request, fault).await,
            Fault::InternalError => self.refuse(request, fault, answer::internal_error()).await,
            Fault::SlowDown { retry_after_seconds } => self.refuse(request, fault, answer::slow_down(retry_after_seconds)).await,
            Fault::UnknownKey => self.refuse(request, fault, answer::unknown_key()).await,
            Fault::NoSuchPage => self.refuse(request, fault, answer::no_such_page()).await,
            Fault::Hang => {
                self.faults.happened(fault);
                std::future::pending().await
            }
        }
    }

    /// Asks the store, over a connection of its own.
    async fn ask(&self, request: Request<Passing>) -> io::Result<Response<Incoming>> {
        let (mut head, body) = request.into_parts();
        without_connection(&mut head.headers);
        let stream = TcpStream::connect(&self.store).await?;
        stream.set_nodelay(true)?;
        let (mut store, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // It ends with the answer's body, or by an error that whoever asked is told, too.
        aside::spawn(async move { drop(connection.await) });
        let mut answer = store.send_request(Request::from_parts(head, body)).await.map_err(io::Error::other)?;
        without_connection(answer.headers_mut());
        Ok(answer)
    }

    /// The store's answer, with one harm to its body.
    async fn harmed(&self, request: Request<Incoming>, harm: Harm, at: u64, fault: Fault) -> io::Result<Response<Passing>> {
        let mut answer = self.ask(unchanged(request)).await?;
        let plan = self.plan(answer.body(), harm, at, fault);
        if let Some(Plan { harm: Harm::End, at, .. }) = &plan {
            answer.headers_mut().insert(CONTENT_LENGTH, (*at).into());
        }
        Ok(answer.map(|body| Passing::incoming(body, plan)))
    }

    /// `None`: there is no place in an empty body.
    fn plan(&self, body: &Incoming, harm: Harm, at: u64, fault: Fault) -> Option<Plan> {
        let at = match body.size_hint().exact() {
            Some(length) => at.checked_rem(length)?,
            None => at,
        };
        Some(Plan { harm, at, fault, faults: self.faults.clone() })
    }

    fn cut(&self, fault: Fault) -> io::Error {
        self.faults.happened(fault);
        io::ErrorKind::ConnectionReset.into()
    }

    /// The request is heard to its end: else its client might see a broken connection before it sees the answer.
    async fn refuse(&self, request: Request<Incoming>, fault: Fault, answer: Response<Passing>) -> io::Result<Response<Passing>> {
        drain(request.into_body()).await?;
        self.faults.happened(fault);
        Ok(answer)
    }

    /// The whole object, where a part of it was asked for.
    async fn whole(&self, request: Request<Incoming>, fault: Fault) -> io::Result<Response<Passing>> {
        let named = request.uri().path().trim_start_matches('/').split_once('/');
        let request = match named {
            Some((bucket, key)) if request.method() == Method::GET && request.headers().contains_key(RANGE) => {
                self.faults.happened(fault);
                self.request_for(bucket, &percent_decode_str(key).decode_utf8_lossy()).await.map_err(io::Error::other)?
            }
            Some(_) | None => unchanged(request),
        };
        Ok(self.ask(request).await?.map(Passing::unchanged))
    }

    async fn request_for(&self, bucket: &str, key: &str) -> Result<Request<Passing>, Box<dyn Error + Send + Sync + 'static>> {
        let signed = self.signer.get_object().bucket(bucket).key(key).presigned(PresigningConfig::expires_in(SIGNED_FOR)?).await?;
        let uri: Uri = signed.uri().parse()?;
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        Ok(Request::get(path).header(HOST, &self.store).body(Passing::whole(Bytes::new()))?)
    }
}

fn unchanged(request: Request<Incoming>) -> Request<Passing> {
    request.map(Passing::unchanged)
}

/// What is between two neighbours only.
fn without_connection(headers: &mut HeaderMap) {
    headers.remove(CONNECTION);
    headers.remove("keep-alive");
}

async fn drain(mut body: Incoming) -> io::Result<()> {
    while let Some(frame) = body.frame().await {
        frame.map_err(io::Error::other)?;
    }
    Ok(())
}
