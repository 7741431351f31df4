//! A bucket for one test. It is emptied and goes when the test ends.

use std::fmt::Write;
use std::path::PathBuf;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, Delete, ObjectIdentifier, VersioningConfiguration};
use tempfile::TempDir;
use uuid::Uuid;

use crate::aside;
use crate::server::Server;

/// An upload in parts that nobody has ended yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    pub key: String,
    pub id: String,
}

/// A bucket, and who may use it. Its methods block.
pub struct Bucket {
    server: Server,
    /// Where Sluss finds it: at the server, or at what stands before it.
    endpoint: String,
    name: String,
    /// Holds the credentials, in a file each.
    folder: TempDir,
}

impl Bucket {
    /// On the server that all tests share.
    ///
    /// # Panics
    ///
    /// Where there is none to be had: a test cannot go on without it.
    pub fn new() -> Self {
        Self::on(Server::shared())
    }

    /// Every object that was ever there can be had.
    pub fn versioned() -> Self {
        let bucket = Self::new();
        let (client, name) = (bucket.client(), bucket.name.clone());
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        aside::wait(async move { client.put_bucket_versioning().bucket(name).versioning_configuration(enabled).send().await })
            .expect("a bucket can be told to keep versions");
        bucket
    }

    /// Keeps versions, and objects may be locked.
    pub fn with_object_lock() -> Self {
        Self::made(Server::shared(), true)
    }

    pub fn on(server: &Server) -> Self {
        Self::made(server, false)
    }

    fn made(server: &Server, object_lock: bool) -> Self {
        let name = format!("sluss-test-{}", Uuid::new_v4());
        let create = server.client().create_bucket().bucket(&name).object_lock_enabled_for_bucket(object_lock);
        if let Err(error) = aside::wait(create.send()) {
            panic!("no bucket can be made at {}: {}", server.endpoint, DisplayErrorContext(error));
        }
        let folder = TempDir::new().expect("a temporary folder can be made");
        let bucket = Self { server: server.clone(), endpoint: server.endpoint.clone(), name, folder };
        for (file, secret) in [(bucket.access_key_file(), &server.access_key), (bucket.secret_key_file(), &server.secret_key)] {
            std::fs::write(file, secret).expect("the test's folder can be written");
        }
        bucket
    }

    /// Sluss finds it there instead, behind a proxy say. The methods here go on to speak to the server itself.
    pub fn behind(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn access_key_file(&self) -> PathBuf {
        self.folder.path().join("access_key")
    }

    pub fn secret_key_file(&self) -> PathBuf {
        self.folder.path().join("secret_key")
    }

    /// `[objects]` of a tenant's file, open for more keys.
    pub fn objects_section(&self) -> String {
        format!(
            "[objects]\ns3 = \"{}\"\nbucket = \"{}\"\nregion = \"{}\"\npath_style = true\naccess_key = {{ file = {:?} }}\nsecret_key = {{ file = {:?} }}\n",
            self.endpoint,
            self.name,
            self.server.region,
            self.access_key_file(),
            self.secret_key_file()
        )
    }

    /// A client of the test's own, past Sluss and any proxy.
    pub fn client(&self) -> Client {
        self.server.client()
    }

    pub fn put(&self, key: &str, content: impl Into<Vec<u8>>) {
        let put = self.client().put_object().bucket(&self.name).key(key).body(ByteStream::from(content.into()));
        aside::wait(put.send()).expect("an object can be put");
    }

    /// `None`: there is no such object.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        let get = self.client().get_object().bucket(&self.name).key(key);
        aside::wait(async move {
            match get.send().await {
                Ok(found) => Some(found.body.collect().await.expect("an object can be read to its end").to_vec()),
                Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => None,
                Err(error) => panic!("an object cannot be read: {}", DisplayErrorContext(error)),
            }
        })
    }

    pub fn delete(&self, key: &str) {
        aside::wait(self.client().delete_object().bucket(&self.name).key(key).send()).expect("an object can be deleted");
    }

    /// In their order, without the versions that are no more.
    pub fn keys(&self) -> Vec<String> {
        let mut pages = self.client().list_objects_v2().bucket(&self.name).into_paginator().send();
        aside::wait(async move {
            let mut keys = Vec::new();
            while let Some(page) = pages.next().await {
                let listed = page.expect("a bucket can be listed");
                keys.extend(listed.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
            }
            keys
        })
    }

    pub fn open_uploads(&self) -> Vec<OpenUpload> {
        let (client, name) = (self.client(), self.name.clone());
        aside::wait(async move { open_uploads(&client, &name).await })
    }
}

impl Default for Bucket {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let (client, name) = (self.client(), self.name.clone());
        let left = aside::wait(async move {
            let mut left = String::new();
            empty(&client, &name, &mut left).await;
            if let Err(error) = client.delete_bucket().bucket(&name).send().await {
                let _ = write!(left, "{}", DisplayErrorContext(error));
            }
            left
        });
        if !left.is_empty() {
            eprintln!("the bucket {} is left behind: {left}", self.name);
        }
    }
}

async fn open_uploads(client: &Client, bucket: &str) -> Vec<OpenUpload> {
    let page = client.list_multipart_uploads().bucket(bucket).send().await.expect("a bucket's uploads can be listed");
    assert_ne!(page.is_truncated(), Some(true), "no test leaves a thousand uploads");
    let open = page.uploads().iter().map(|upload| OpenUpload {
        key: upload.key().unwrap_or_default().to_owned(),
        id: upload.upload_id().unwrap_or_default().to_owned(),
    });
    open.collect()
}

/// All versions and all uploads in parts. What resists is told, and is not tried again.
async fn empty(client: &Client, bucket: &str, resists: &mut String) {
    loop {
        let page = match client.list_object_versions().bucket(bucket).send().await {
            Ok(page) => page,
            Err(error) => {
                let _ = write!(resists, "{}; ", DisplayErrorContext(error));
                return;
            }
        };
        let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let named = versions.chain(markers).filter_map(|(key, version)| {
            ObjectIdentifier::builder().key(key.unwrap_or_default()).set_version_id(version.map(str::to_owned)).build().ok()
        });
        let named: Vec<_> = named.collect();
        if named.is_empty() {
            break;
        }
        let Ok(delete) = Delete::builder().set_objects(Some(named)).quiet(true).build() else { return };
        let refused = match client.delete_objects().bucket(bucket).delete(delete).bypass_governance_retention(true).send().await {
            Ok(done) => done.errors().iter().map(|error| format!("{error:?}")).collect::<Vec<_>>().join(", "),
            Err(error) => DisplayErrorContext(error).to_string(),
        };
        if !refused.is_empty() {
            let _ = write!(resists, "{refused}; ");
            return;
        }
    }
    for OpenUpload { key, id } in open_uploads(client, bucket).await {
        // The bucket's own removal tells whether it is gone.
        let _ = client.abort_multipart_upload().bucket(bucket).key(key).upload_id(id).send().await;
    }
}
