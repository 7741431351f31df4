//! A bucket of one's own, for the demo: made, and taken away with all that is in it. No tenant's bucket is ever made or emptied here.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};

use super::fault::Call;
use super::{S3Client, fault};
use crate::config::S3Config;
use crate::store::error::StoreResult;

/// The region whose buckets name none.
const CLASSIC: &str = "us-east-1";

pub(super) async fn create(client: &S3Client, config: &S3Config) -> StoreResult<()> {
    let request = client.asking.create_bucket().bucket(&config.bucket);
    let place = || CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(config.region.as_str())).build();
    let request = request.set_create_bucket_configuration((config.region != CLASSIC).then(place));
    request.send().await.map(|_| ()).map_err(|error| Call::on_placement("create", config.bucket.clone()).failed(&error))
}

pub(super) async fn remove(client: &S3Client, bucket: &str) -> StoreResult<()> {
    let call = Call::on_placement("remove", bucket.to_owned());
    loop {
        let page = client.asking.list_objects_v2().bucket(bucket).send().await.map_err(|error| call.failed(&error))?;
        for key in page.contents().iter().filter_map(|object| object.key()) {
            client.asking.delete_object().bucket(bucket).key(key).send().await.map_err(|error| call.failed(&error))?;
        }
        if page.contents().is_empty() {
            break;
        }
    }
    let open = client.asking.list_multipart_uploads().bucket(bucket).send().await.map_err(|error| call.failed(&error))?;
    for parts in open.uploads() {
        let (Some(key), Some(id)) = (parts.key(), parts.upload_id()) else { continue };
        let aborted = client.asking.abort_multipart_upload().bucket(bucket).key(key).upload_id(id).send().await;
        aborted.map(|_| ()).or_else(|error| if fault::is_gone(&error) { Ok(()) } else { Err(call.failed(&error)) })?;
    }
    client.asking.delete_bucket().bucket(bucket).send().await.map(|_| ()).map_err(|error| call.failed(&error))
}
