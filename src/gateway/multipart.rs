//! `multipart/byteranges` of RFC 9110, 14.6: several parts of one content in one answer. The parts come one after the other, so
//! that an answer holds no more memory than one part takes.

use std::ops::Range;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use crate::body::BoxError;

/// What stands around the parts.
#[derive(Debug)]
pub struct Framing {
    boundary: String,
    heads: Vec<Bytes>,
    tail: Bytes,
    parts_bytes: u64,
}

impl Framing {
    /// `media_type`: of the whole content, which each part repeats.
    pub fn new(ranges: &[Range<u64>], media_type: &str, length_bytes: u64) -> Self {
        // 122 random bits, which no content holds by chance, and nobody who writes one can know.
        let boundary = Uuid::new_v4().simple().to_string();
        let head = |(place, range): (usize, &Range<u64>)| {
            let before = if place == 0 { "" } else { "\r\n" };
            let (first, last) = (range.start, range.end - 1);
            let head =
                format!("{before}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: bytes {first}-{last}/{length_bytes}\r\n\r\n");
            Bytes::from(head)
        };
        let heads = ranges.iter().enumerate().map(head).collect();
        let tail = Bytes::from(format!("\r\n--{boundary}--\r\n"));
        let parts_bytes = ranges.iter().map(|range| range.end - range.start).sum();
        Self { boundary, heads, tail, parts_bytes }
    }

    pub fn media_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// Of the whole body.
    pub fn length_bytes(&self) -> u64 {
        let framing = self.heads.iter().map(Bytes::len).sum::<usize>() + self.tail.len();
        self.parts_bytes + framing as u64
    }

    /// The body. A part is opened when the one before it is through.
    pub fn around<S>(self, parts: impl Stream<Item = Result<S, BoxError>> + Send) -> impl Stream<Item = Result<Bytes, BoxError>> + Send
    where
        S: Stream<Item = Result<Bytes, BoxError>> + Send,
    {
        let framed = parts.zip(stream::iter(self.heads)).map(|(part, head)| part.map(|part| stream::iter([Ok(head)]).chain(part)));
        framed.try_flatten().chain(stream::iter([Ok(self.tail)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_body_is_as_long_as_was_said_and_reads_as_the_rfc_has_it() {
        let content = Bytes::from_static(b"0123456789");
        let ranges = [7..10, 0..2];
        let framing = Framing::new(&ranges, "text/plain", 10);
        let (announced, boundary) = (framing.length_bytes(), framing.boundary.clone());
        assert_eq!(framing.media_type(), format!("multipart/byteranges; boundary={boundary}"));
        let parts = ranges.map(|range| Ok(stream::iter([Ok(content.slice(range.start as usize..range.end as usize))])));
        let body: Vec<Bytes> = framing.around(stream::iter(parts)).try_collect().await.unwrap();
        let body = body.concat();
        let expected = format!(
            "--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 7-9/10\r\n\r\n789\r\n\
             --{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--{boundary}--\r\n"
        );
        assert_eq!((String::from_utf8(body.clone()).unwrap(), body.len() as u64), (expected, announced));
        assert_ne!(Framing::new(&ranges, "text/plain", 10).boundary, boundary);
    }
}
