//! Who is let in.

use mssql_client::{Client, Credentials, Error};
use tiberius::{AuthMethod, EncryptionLevel};

use crate::clients::{connect_tiberius, mssql_config, mssql_of, tiberius_config, tiberius_of};
use crate::toy::{PASSWORD, USER, start};

fn number_of(error: Error) -> i32 {
    match error {
        Error::Server { number, .. } => number,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_wrong_password_is_18456_and_an_unknown_database_is_4060() {
    let started = start().await;
    let mut config = tiberius_config(&started, EncryptionLevel::NotSupported);
    config.authentication(AuthMethod::sql_server(USER, "wrong"));
    let error = connect_tiberius(config).await.unwrap_err();
    assert_eq!(error.code(), Some(18456), "{error}");

    let mut config = tiberius_config(&started, EncryptionLevel::NotSupported);
    config.database("nowhere");
    let error = connect_tiberius(config).await.unwrap_err();
    assert_eq!(error.code(), Some(4060), "{error}");

    let plain = || mssql_config(&started).no_tls(true);
    let error = Client::connect(plain().credentials(Credentials::sql_server(USER, "wrong"))).await.unwrap_err();
    assert_eq!(number_of(error), 18456);
    let error = Client::connect(plain().database("nowhere")).await.unwrap_err();
    assert_eq!(number_of(error), 4060);
    assert_eq!(started.faults().counts().logins_refused, 4);
}

#[tokio::test]
async fn logins_are_refused_on_request_and_counted_by_application() {
    let started = start().await;
    started.faults().refuse_logins(Some(40613));
    let error = connect_tiberius(tiberius_config(&started, EncryptionLevel::NotSupported)).await.unwrap_err();
    assert_eq!(error.code(), Some(40613));
    started.faults().refuse_logins(None);

    let mut config = tiberius_config(&started, EncryptionLevel::NotSupported);
    config.application_name("sluss serve");
    let _client = connect_tiberius(config).await.unwrap();
    let _other = tiberius_of(&started).await;
    let _third = mssql_of(&started).await;
    let counts = started.faults().counts();
    assert_eq!(
        counts.logins.into_iter().collect::<Vec<_>>(),
        [("mssql-client".to_owned(), 1), ("sluss serve".to_owned(), 1), ("tiberius".to_owned(), 1)]
    );
    assert_eq!((counts.connections_open, counts.connections_ever), (3, 4));
}

#[tokio::test]
async fn the_driver_behind_mssql_client_takes_a_wrong_password_for_passing_and_insists() {
    let started = start().await;
    let config = mssql_config(&started).no_tls(true).max_retries(2).credentials(Credentials::sql_server(USER, "wrong"));
    assert_eq!(number_of(Client::connect(config).await.unwrap_err()), 18456);
    assert_eq!(started.faults().counts().logins_refused, 3);
    let config = mssql_config(&started).no_tls(true).credentials(Credentials::sql_server(USER, PASSWORD));
    assert!(Client::connect(config).await.is_ok());
}
