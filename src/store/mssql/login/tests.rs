//! Logins and what encrypts them, on both lanes against the test server.

use sluss_tds::wire::Encryption as Offered;
use tokio_util::task::TaskTracker;

use super::*;
use crate::config::{Encryption, Trust};
use crate::store::mssql::batch::{Batch, Value};
use crate::store::mssql::fault::Outcome;
use crate::store::mssql::tests::{Ground, PASSWORD};

fn echo() -> Batch<'static> {
    Batch::new("-- echo").with("a", "bigint", Value::Integer(1))
}

/// What each lane says: the command lane first.
async fn both(ground: &Ground) -> [Result<(), Fault>; 2] {
    [ground.sql.run(&echo()).await.map(drop), ground.sql.look_up(&echo()).await.map(drop)]
}

async fn fails_before_anything_is_sent(ground: &Ground) -> [Fault; 2] {
    let faults = both(ground).await.map(Result::unwrap_err);
    for fault in &faults {
        assert_eq!(fault.outcome, Outcome::NotSent, "{fault}");
        assert!(!format!("{fault} {fault:?}").contains("battery"), "{fault:?}");
    }
    faults
}

fn password_of(ground: &Ground) -> std::path::PathBuf {
    ground.folder.path().join("password")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_once_and_the_right_one_as_soon_as_it_is_there() {
    let ground = Ground::plain().await;
    std::fs::write(password_of(&ground), "wrong").unwrap();
    let faults = fails_before_anything_is_sent(&ground).await;
    for fault in &faults {
        assert_eq!((fault.number, fault.kind), (Some(18456), StoreErrorKind::Denied));
        let text = fault.to_string();
        assert!(text.contains("check sql.user and sql.password") && text.contains("\"Acme\""), "{text}");
    }
    // The second lane did not even ask.
    assert_eq!(ground.faults().counts().logins_refused, 1);
    std::fs::write(password_of(&ground), PASSWORD).unwrap();
    assert!(both(&ground).await.iter().all(Result::is_ok));
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_cannot_be_read_is_said_with_its_file() {
    let ground = Ground::plain().await;
    for text in ["", "\n", &"a".repeat(20_000)] {
        std::fs::write(password_of(&ground), text).unwrap();
        let faults = fails_before_anything_is_sent(&ground).await;
        assert!(faults.iter().all(|fault| fault.to_string().contains("the password's file")), "{faults:?}");
    }
    std::fs::remove_file(password_of(&ground)).unwrap();
    fails_before_anything_is_sent(&ground).await;
    assert_eq!(ground.faults().counts().connections_ever, 0);
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_opened_is_an_outage() {
    let ground = Ground::plain().await;
    ground.faults().refuse_logins(Some(4060));
    let faults = fails_before_anything_is_sent(&ground).await;
    assert!(faults.iter().all(|fault| (fault.number, fault.kind) == (Some(4060), StoreErrorKind::Unavailable)), "{faults:?}");
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_encryption_is_kept_by_both_lanes() {
    use Encryption::{LoginOnly, Off, Required};
    for (wanted, offered) in [
        (Required, Offered::On),
        (Required, Offered::Required),
        (LoginOnly, Offered::Off),
        (LoginOnly, Offered::On),
        (LoginOnly, Offered::Required),
        (Off, Offered::NotSupported),
        (Off, Offered::Required),
    ] {
        let ground = Ground::new(offered, |settings| settings.encryption = wanted).await;
        let done = both(&ground).await;
        assert!(done.iter().all(Result::is_ok), "{wanted:?} and {offered:?}: {done:?}");
        ground.ends_with_nothing().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_that_the_server_refuses_is_an_error_and_no_panic() {
    for offered in [Offered::NotSupported, Offered::Off] {
        let ground = Ground::new(offered, |settings| settings.login_timeout = std::time::Duration::from_secs(1)).await;
        let faults = fails_before_anything_is_sent(&ground).await;
        assert!(faults.iter().all(|fault| !fault.to_string().contains("panic")), "{offered:?}: {faults:?}");
        ground.ends_with_nothing().await;
    }
}

/// A server whose first answer has a field that no driver knows; for one of them that is a reason to panic.
async fn a_stranger() -> std::net::SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    TaskTracker::new().spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut question = [0; 8];
            client.read_exact(&mut question).await.unwrap();
            // A packet of type "answer" with one unknown option of no length, and the end of options.
            client.write_all(&[4, 1, 0, 14, 0, 0, 1, 0, 0x42, 0, 6, 0, 0, 0xFF]).await.unwrap();
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drivers_panic_is_an_error_and_costs_no_connection() {
    let port = a_stranger().await.port();
    let ground = Ground::new(Offered::On, |settings| {
        settings.port = port;
        settings.login_timeout = std::time::Duration::from_secs(1);
    })
    .await;
    let [command, _] = fails_before_anything_is_sent(&ground).await;
    assert!(command.to_string().contains("the driver gave up the connection"), "{command}");
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_shows_a_certificate_that_is_trusted_or_gets_no_login() {
    let stranger = Ground::new(Offered::On, |settings| settings.trust = Trust::System).await;
    let [_, read] = fails_before_anything_is_sent(&stranger).await;
    // The second on a machine that knows no authority.
    assert!(["UnknownIssuer", "the system's file"].iter().any(|reason| read.to_string().contains(reason)), "{read}");
    assert_eq!(stranger.faults().counts().logins.len(), 0);
    stranger.ends_with_nothing().await;

    let other_name = Ground::new(Offered::On, |settings| settings.host = "127.0.0.2".to_owned()).await;
    fails_before_anything_is_sent(&other_name).await;
    other_name.ends_with_nothing().await;

    let anyone = Ground::new(Offered::On, |settings| settings.trust = Trust::Anyone).await;
    assert!(both(&anyone).await.iter().all(Result::is_ok));
    anyone.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_addresses_of_a_name_can_be_tried_at_once() {
    // The name has an address of version 6 on most machines, on which nobody listens.
    let ground = Ground::new(Offered::On, |settings| settings.multi_subnet_failover = true).await;
    assert!(both(&ground).await.iter().all(Result::is_ok));
    ground.ends_with_nothing().await;
    let nobody = Ground::new(Offered::On, |settings| {
        settings.multi_subnet_failover = true;
        settings.port = 1;
    })
    .await;
    let faults = fails_before_anything_is_sent(&nobody).await;
    assert!(faults.iter().all(|fault| fault.kind == StoreErrorKind::Unavailable), "{faults:?}");
    nobody.ends_with_nothing().await;
}
