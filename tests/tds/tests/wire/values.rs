//! Values of every type, to the server and back.

use mssql_client::Client;
use uuid::Uuid;

use crate::clients::{Mssql, Tiberius, connect_tiberius, mssql_config, mssql_of, tiberius_config, tiberius_of};
use crate::toy::{pattern, start};

/// Every plane and direction, a character of two units, and one that `varchar` has not.
const TEXT: &str = "Grüße, Κόσμε, 世界, שלום, नमस्ते, 🚢🔑, \u{0}\u{FFFD}€";

/// Beyond the 4,000 characters that are not yet max.
fn long_text() -> String {
    TEXT.repeat(3_000)
}

async fn one(client: &mut Tiberius, parameters: &[&dyn tiberius::ToSql]) -> tiberius::Row {
    client.query("echo", parameters).await.unwrap().into_row().await.unwrap().unwrap()
}

async fn one_of_mssql(client: &mut Mssql, parameters: &[&(dyn mssql_client::ToSql + Sync)]) -> mssql_client::Row {
    client.query("echo", parameters).await.unwrap().try_next().unwrap()
}

#[tokio::test]
async fn tiberius_gets_every_type_back() {
    let started = start().await;
    let mut client = tiberius_of(&started).await;
    let guid = Uuid::from_u128(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF);
    let (text, long, bytes) = (TEXT, long_text(), pattern(8_000));
    let row =
        one(&mut client, &[&true, &255_u8, &i16::MIN, &i32::MIN, &i64::MAX, &1.5_f32, &2.25_f64, &text, &long, &bytes, &guid, &""]).await;
    assert_eq!(row.get::<bool, _>(0), Some(true));
    // The server has one type for integers up to 32 bits.
    assert_eq!(row.get::<i32, _>(1), Some(255));
    assert_eq!(row.get::<i32, _>(2), Some(i32::from(i16::MIN)));
    assert_eq!(row.get::<i32, _>(3), Some(i32::MIN));
    assert_eq!(row.get::<i64, _>(4), Some(i64::MAX));
    assert_eq!(row.get::<f64, _>(5), Some(1.5));
    assert_eq!(row.get::<f64, _>(6), Some(2.25));
    assert_eq!(row.get::<&str, _>(7), Some(text));
    assert_eq!(row.get::<&str, _>(8), Some(long.as_str()));
    assert_eq!(row.get::<&[u8], _>(9), Some(bytes.as_slice()));
    assert_eq!(row.get::<Uuid, _>(10), Some(guid));
    assert_eq!(row.get::<&str, _>(11), Some(""));
    assert_eq!(row.columns()[0].name(), "@P1");
}

#[tokio::test]
async fn tiberius_gets_nulls_back() {
    let started = start().await;
    let mut client = tiberius_of(&started).await;
    let row =
        one(&mut client, &[&None::<bool>, &None::<i32>, &None::<i64>, &None::<f64>, &None::<String>, &None::<Vec<u8>>, &None::<Uuid>])
            .await;
    assert_eq!(row.get::<bool, _>(0), None);
    assert_eq!(row.get::<i32, _>(1), None);
    assert_eq!(row.get::<i64, _>(2), None);
    assert_eq!(row.get::<f64, _>(3), None);
    assert_eq!(row.get::<&str, _>(4), None);
    assert_eq!(row.get::<&[u8], _>(5), None);
    assert_eq!(row.get::<Uuid, _>(6), None);
}

#[tokio::test]
async fn mssql_client_gets_every_type_back() {
    let started = start().await;
    let mut client = mssql_of(&started).await;
    let guid = Uuid::from_u128(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF);
    let (text, long, bytes) = (TEXT, long_text(), pattern(8_000));
    let row = one_of_mssql(
        &mut client,
        &[&true, &255_u8, &i16::MIN, &i32::MIN, &i64::MAX, &1.5_f32, &2.25_f64, &text, &long, &bytes, &guid, &"", &Vec::<u8>::new()],
    )
    .await;
    assert!(row.get::<bool>(0).unwrap());
    assert_eq!(row.get::<i32>(1).unwrap(), 255);
    assert_eq!(row.get::<i32>(2).unwrap(), i32::from(i16::MIN));
    assert_eq!(row.get::<i32>(3).unwrap(), i32::MIN);
    assert_eq!(row.get::<i64>(4).unwrap(), i64::MAX);
    assert_eq!(row.get::<f64>(5).unwrap(), 1.5);
    assert_eq!(row.get::<f64>(6).unwrap(), 2.25);
    assert_eq!(row.get::<String>(7).unwrap(), text);
    assert_eq!(row.get::<String>(8).unwrap(), long);
    // Not `get_bytes`, which has nothing or no bytes at all for a row that was decoded already.
    assert_eq!(row.get::<Vec<u8>>(9).unwrap(), bytes);
    assert_eq!(row.get::<Uuid>(10).unwrap(), guid);
    assert_eq!(row.get::<String>(11).unwrap(), "");
    assert_eq!(row.get::<Vec<u8>>(12).unwrap(), []);
    assert_eq!(row.columns()[0].name, "@p1");
}

#[tokio::test]
async fn mssql_client_gets_nulls_back() {
    let started = start().await;
    let mut client = mssql_of(&started).await;
    let row = one_of_mssql(&mut client, &[&None::<i32>, &None::<String>, &None::<Vec<u8>>]).await;
    assert_eq!(row.get::<Option<i32>>(0).unwrap(), None);
    assert_eq!(row.get::<Option<String>>(1).unwrap(), None);
    assert_eq!(row.get::<Option<Vec<u8>>>(2).unwrap(), None);
}

#[tokio::test]
async fn a_varchar_has_the_code_page_of_the_collation() {
    let started = start().await;
    let mut client = tiberius_of(&started).await;
    let row = client.simple_query("varchar Œuvre_für_5_€_世界").await.unwrap().into_row().await.unwrap().unwrap();
    assert_eq!(row.get::<&str, _>(0), Some("Œuvre_für_5_€_??"));
    // Without its feature `encoding`, mssql-client sends no more of a `varchar` than ASCII.
    let config = mssql_config(&started).no_tls(true).send_string_parameters_as_unicode(false);
    let mut client = Client::connect(config).await.unwrap();
    let row = one_of_mssql(&mut client, &[&"plain", &"long ".repeat(2_000)]).await;
    assert_eq!(row.get::<String>(0).unwrap(), "plain");
    assert_eq!(row.get::<String>(1).unwrap(), "long ".repeat(2_000));
}

#[tokio::test]
async fn large_values_go_both_ways() {
    let started = start().await;
    let content = pattern(1024 * 1024);
    let mut client = tiberius_of(&started).await;
    let row = one(&mut client, &[&content]).await;
    assert!(row.get::<&[u8], _>(0) == Some(content.as_slice()));
    // Through TLS, too, and in the other sizes of packets that a driver can ask for.
    let mut config = tiberius_config(&started, tiberius::EncryptionLevel::Required);
    config.trust_cert();
    let mut client = connect_tiberius(config).await.unwrap();
    let row = one(&mut client, &[&content]).await;
    assert!(row.get::<&[u8], _>(0) == Some(content.as_slice()));
    for size in [512, 4096, 32_767] {
        let mut config = mssql_config(&started).no_tls(true);
        config.packet_size = size;
        let mut client = Client::connect(config).await.unwrap();
        let row = one_of_mssql(&mut client, &[&content]).await;
        assert!(row.get::<Vec<u8>>(0).unwrap() == content, "packets of {size}");
    }
}

#[tokio::test]
async fn mssql_client_reads_a_large_value_piece_by_piece() {
    let started = start().await;
    let mut client = mssql_of(&started).await;
    let length = 4 * 1024 * 1024;
    let mut stream = client.query_stream_blob(&format!("blob {length}"), &[]).await.unwrap();
    let row = stream.next().await.unwrap().unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), 7);
    assert_eq!(stream.blob_len(), None);
    let mut content = Vec::new();
    let mut largest = 0;
    while let Some(piece) = stream.read_chunk().await.unwrap() {
        // Known from the first piece on.
        assert_eq!(stream.blob_len(), Some(length as u64));
        largest = largest.max(piece.len());
        content.extend_from_slice(&piece);
    }
    assert!(content == pattern(length), "another content");
    assert!(largest <= 64 * 1024, "a piece of {largest} bytes");
    assert!(stream.next().await.unwrap().is_none());
    // The connection is as good as before.
    drop(stream);
    one_of_mssql(&mut client, &[&1_i32]).await;
}
