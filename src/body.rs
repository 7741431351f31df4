//! HTTP bodies as both listeners answer them and the client sends them. Content passes; nothing here keeps it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited, StreamBody};

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body on its way out. An error in it breaks the connection, so the other side never takes a part for the whole.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that is in memory already; its length goes out with it.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body that comes piece by piece, of a length that only a header can tell.
pub fn stream(pieces: impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static) -> Body {
    // Who reads it may ask once more behind its end, which not every stream can be asked.
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data)).fuse()).boxed_unsync()
}

/// The same body, with something that is dropped together with it: a permit, or a guard that counts.
pub fn holding(body: Body, held: impl Send + Unpin + 'static) -> Body {
    Holding { body, _held: held }.boxed_unsync()
}

struct Holding<T> {
    body: Body,
    _held: T,
}

impl<T: Unpin> HttpBody for Holding<T> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Why a body could not be taken whole.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    #[error("the body broke off")]
    Broken(#[source] BoxError),
}

/// The whole body in memory, or an error as soon as it passes the limit.
pub async fn read<B>(body: B, limit_bytes: usize) -> Result<Bytes, ReadError>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    match Limited::new(body, limit_bytes).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ReadError::TooLarge { limit_bytes }),
        Err(error) => Err(ReadError::Broken(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream::iter;

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_not_a_byte_further() {
        assert_eq!(read(full("four"), 4).await.unwrap(), "four");
        assert!(matches!(read(full("fours"), 4).await, Err(ReadError::TooLarge { limit_bytes: 4 })));
        assert_eq!(read(empty(), 0).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_part_is_never_taken_for_the_whole() {
        let broken = stream(iter([Ok(Bytes::from_static(b"half")), Err("disk gone".into())]));
        assert!(matches!(read(broken, 100).await, Err(ReadError::Broken(_))));
    }
}
