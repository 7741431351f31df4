//! A plain program of the AWS SDK: the least that brings the bytes.

use anyhow::{Context, ensure};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use serde_json::json;
use sluss_s3::Bucket;
use tokio::task::JoinSet;

use super::{PARALLEL_PARTS, PART_BYTES};

#[derive(Clone)]
pub struct Plain {
    pub client: Client,
    pub bucket: String,
}

impl Plain {
    /// Finds the bucket where Sluss does.
    pub fn in_bucket(bucket: &Bucket) -> Self {
        let config = bucket.client().config().to_builder().endpoint_url(bucket.endpoint()).build();
        Self { client: Client::from_conf(config), bucket: bucket.name().to_owned() }
    }

    /// nginx signs nothing, and cannot.
    pub async fn open_to_anyone(&self) -> anyhow::Result<()> {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": "*",
                "Action": ["s3:GetObject", "s3:PutObject"],
                "Resource": format!("arn:aws:s3:::{}/*", self.bucket),
            }],
        });
        self.client.put_bucket_policy().bucket(&self.bucket).policy(policy.to_string()).send().await?;
        Ok(())
    }

    /// Reads an object to its end, and answers its length.
    pub async fn get(&self, key: &str) -> anyhow::Result<u64> {
        let mut body = self.client.get_object().bucket(&self.bucket).key(key).send().await?.body;
        let mut length = 0;
        while let Some(piece) = body.next().await {
            length += piece?.len() as u64;
        }
        Ok(length)
    }

    /// In parts, several at once. All have the same bytes, but for the last, which may be shorter.
    pub async fn put(&self, key: &str, part: &Bytes, length: u64) -> anyhow::Result<()> {
        let begun = self.client.create_multipart_upload().bucket(&self.bucket).key(key).send().await?;
        let upload = begun.upload_id.context("an upload in parts has a name")?;
        let (mut running, mut done) = (JoinSet::new(), Vec::new());
        for (number, offset) in (1..).zip((0..length).step_by(usize::try_from(PART_BYTES)?)) {
            if running.len() == PARALLEL_PARTS {
                done.push(next(&mut running).await?);
            }
            let body = SdkBody::from(part.slice(..usize::try_from((length - offset).min(PART_BYTES))?));
            let request = self.client.upload_part().bucket(&self.bucket).key(key).upload_id(&upload).part_number(number);
            let request = request.body(ByteStream::new(body));
            running.spawn(async move {
                let sent = request.send().await?;
                anyhow::Ok(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build())
            });
        }
        while !running.is_empty() {
            done.push(next(&mut running).await?);
        }
        done.sort_by_key(CompletedPart::part_number);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(done)).build();
        let end = self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload).multipart_upload(parts);
        ensure!(end.send().await?.e_tag.is_some(), "an upload that has ended has a tag");
        Ok(())
    }
}

async fn next(running: &mut JoinSet<anyhow::Result<CompletedPart>>) -> anyhow::Result<CompletedPart> {
    running.join_next().await.context("a part is under way")??
}
