//! What is encrypted, and who is refused.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use mssql_client::Client;
use sluss_tds::wire::Encryption;
use tiberius::EncryptionLevel;

use crate::clients::{connect_tiberius, mssql_config, tiberius_config, trusting_mssql, trusting_tiberius};
use crate::toy::{Started, start_with};

async fn tiberius_selects(started: &Started, level: EncryptionLevel) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = tiberius_config(started, level);
    trusting_tiberius(&mut config, started, folder.path());
    let mut client = connect_tiberius(config).await.unwrap();
    let row = client.query("echo", &[&7_i32, &vec![9_u8; 100_000]]).await.unwrap().into_row().await.unwrap().unwrap();
    assert_eq!(row.get::<i32, _>(0), Some(7));
    assert_eq!(row.get::<&[u8], _>(1), Some([9_u8; 100_000].as_slice()));
}

async fn mssql_selects(started: &Started, encrypt: bool) {
    let config = trusting_mssql(mssql_config(started).encrypt(encrypt), started);
    let mut client = Client::connect(config).await.unwrap();
    let row = client.query("echo", &[&7_i32, &vec![9_u8; 100_000]]).await.unwrap().try_next().unwrap();
    assert_eq!(row.get::<i32>(0).unwrap(), 7);
    assert_eq!(row.get::<Vec<u8>>(1).unwrap(), [9_u8; 100_000]);
}

#[tokio::test]
async fn everything_is_encrypted_where_the_client_wishes_it_or_the_server_demands_it() {
    for server in [Encryption::On, Encryption::Required] {
        let started = start_with(server).await;
        tiberius_selects(&started, EncryptionLevel::On).await;
        tiberius_selects(&started, EncryptionLevel::Required).await;
        mssql_selects(&started, true).await;
    }
    // Both announce no wish, and both follow the server's demand.
    let started = start_with(Encryption::Required).await;
    tiberius_selects(&started, EncryptionLevel::Off).await;
    mssql_selects(&started, false).await;
}

#[tokio::test]
async fn the_login_alone_is_encrypted_where_neither_side_wishes_more() {
    let started = start_with(Encryption::On).await;
    tiberius_selects(&started, EncryptionLevel::Off).await;
    mssql_selects(&started, false).await;
}

#[tokio::test]
async fn another_authority_than_the_servers_is_an_error() {
    let started = start_with(Encryption::On).await;
    let other = start_with(Encryption::On).await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = tiberius_config(&started, EncryptionLevel::Required);
    trusting_tiberius(&mut config, &other, folder.path());
    assert!(connect_tiberius(config).await.is_err());
    assert!(Client::connect(trusting_mssql(mssql_config(&started), &other)).await.is_err());
    assert_eq!(started.faults().counts().logins.len(), 0);
}

#[tokio::test]
async fn a_refused_encryption_is_an_error_and_no_login() {
    for server in [Encryption::NotSupported, Encryption::Off] {
        let started = start_with(server).await;
        // tiberius panics instead of failing where its wish is `On`.
        let connecting = AssertUnwindSafe(connect_tiberius(tiberius_config(&started, EncryptionLevel::On)));
        assert!(connecting.catch_unwind().await.is_err());
        let error = Client::connect(mssql_config(&started)).await.unwrap_err();
        assert!(error.to_string().contains("encryption"), "{error}");
        assert_eq!(started.faults().counts().logins.len(), 0);
    }
}

#[tokio::test]
async fn a_client_that_demands_encryption_gets_no_further_at_a_server_without() {
    let started = start_with(Encryption::NotSupported).await;
    assert!(connect_tiberius(tiberius_config(&started, EncryptionLevel::Required)).await.is_err());
    assert_eq!(started.faults().counts().logins.len(), 0);
}
