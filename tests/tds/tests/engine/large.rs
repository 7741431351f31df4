//! Long values go in and out by pieces.

use sluss_tds::value::Value;

use super::{Bench, bytes, parameters, text};

const PIECE: usize = 1 << 20;

fn piece(number: usize) -> Vec<u8> {
    (0..PIECE).map(|at| (at * 7 + number) as u8).collect()
}

#[test]
fn a_value_grows_by_pieces_and_is_read_by_pieces() {
    let mut bench = Bench::with_tables();
    let attempt = Value::Guid([7; 16]);
    bench.run_with("INSERT INTO sluss.staging (attempt, bytes) VALUES (@P1, 0x)", &parameters(std::slice::from_ref(&attempt)));
    let append = "DECLARE @attempt uniqueidentifier = @P1, @piece varbinary(max) = @P2;
        UPDATE sluss.staging SET bytes.WRITE(@piece, NULL, 0) WHERE attempt = @attempt;";
    for number in 0..5 {
        bench.run_with(append, &parameters(&[attempt.clone(), bytes(piece(number))]));
    }
    assert_eq!(bench.value("SELECT DATALENGTH(bytes) FROM sluss.staging"), Value::Int(5 * PIECE as i64));
    // Into another table, which copies only the reference; then both go their own way.
    bench.run("INSERT INTO dbo.Documents (Name) VALUES (N'big')");
    bench.run("UPDATE d SET Content = s.bytes FROM dbo.Documents AS d JOIN sluss.staging AS s ON 1 = 1 WHERE d.Id = 1");
    bench.run_with(append, &parameters(&[attempt.clone(), bytes(b"more".to_vec())]));
    bench.run("UPDATE dbo.Documents SET Content.WRITE(0x2A2A, NULL, 0) WHERE Id = 1");
    let lengths = "SELECT DATALENGTH(s.bytes), DATALENGTH(d.Content) FROM sluss.staging AS s CROSS JOIN dbo.Documents AS d";
    assert_eq!(bench.rows(lengths), [[Value::Int(5 * PIECE as i64 + 4), Value::Int(5 * PIECE as i64 + 2)]]);
    let slice = "DECLARE @id int = @P1, @from bigint = @P2, @length bigint = @P3;
        SELECT SUBSTRING(x.[Content], @from, @length) FROM dbo.Documents AS x WHERE x.Id = @id";
    let whole: Vec<u8> = (0..5).flat_map(piece).chain([0x2A, 0x2A]).collect();
    for (from, length) in [(1, 10), (PIECE - 3, PIECE + 9), (5 * PIECE - 1, 100), (6 * PIECE, 10)] {
        let rows = bench.rows_with(slice, &parameters(&[Value::Int(1), Value::Int(from as i64), Value::Int(length as i64)]));
        let start = (from - 1).min(whole.len());
        let expected = &whole[start..(start + length).min(whole.len())];
        assert_eq!(rows, [[bytes(expected)]], "{from} {length}");
    }
    assert_eq!(bench.value("SELECT Content FROM dbo.Documents"), bytes(whole.clone()));
    assert_eq!(
        bench.value("SELECT CASE WHEN HASHBYTES('SHA2_256', Content) = HASHBYTES('SHA2_256', SUBSTRING(Content, 1, 5242882)) THEN 1 ELSE 0 END FROM dbo.Documents"),
        Value::Int(1)
    );
}

#[test]
fn a_value_that_is_not_there_cannot_grow() {
    let mut bench = Bench::with_tables();
    bench.run("INSERT INTO dbo.Documents (Name) VALUES (N'none')");
    assert_eq!(bench.fails("UPDATE dbo.Documents SET Content.WRITE(0x01, NULL, 0)").number, 6522);
}

#[test]
fn the_middle_of_a_value_is_replaced() {
    let mut bench = Bench::with_tables();
    bench.run("INSERT INTO dbo.Documents (Content) VALUES (0x00112233445566)");
    bench.run("UPDATE dbo.Documents SET Content.WRITE(0xAABB, 2, 3)");
    assert_eq!(bench.value("SELECT Content FROM dbo.Documents"), bytes([0, 0x11, 0xAA, 0xBB, 0x55, 0x66]));
    bench.run("UPDATE dbo.Documents SET Content.WRITE(0x, 3, NULL)");
    assert_eq!(bench.value("SELECT Content FROM dbo.Documents"), bytes([0, 0x11, 0xAA]));
}

#[test]
fn a_taken_back_piece_leaves_nothing() {
    let mut bench = Bench::with_tables();
    bench.run_with("INSERT INTO sluss.staging VALUES (NEWID(), @P1)", &parameters(&[bytes(piece(1))]));
    bench.run_with(
        "BEGIN TRAN; UPDATE sluss.staging SET bytes.WRITE(@P1, NULL, 0); ROLLBACK; UPDATE sluss.staging SET bytes.WRITE(0x0102, NULL, 0)",
        &parameters(&[bytes(piece(2))]),
    );
    let whole: Vec<u8> = piece(1).into_iter().chain([1, 2]).collect();
    assert_eq!(bench.value("SELECT bytes FROM sluss.staging"), bytes(whole));
}

#[test]
fn a_value_survives_a_new_start() {
    let mut bench = Bench::with_tables();
    bench.run_with("INSERT INTO dbo.Documents (Content) VALUES (@P1)", &parameters(&[bytes(piece(3))]));
    let mut second = sluss_tds::engine::Database::open(&bench.folder().join("tds.db")).session();
    let (outcomes, failure) = second.execute(
        "SELECT DATALENGTH(Content) FROM dbo.Documents; INSERT INTO dbo.Documents (Content) SELECT Content FROM dbo.Documents",
        &[],
    );
    assert_eq!((outcomes.len(), failure), (2, None));
    assert_eq!(bench.value("SELECT COUNT(*) FROM dbo.Documents AS a JOIN dbo.Documents AS b ON a.Content = b.Content"), Value::Int(4));
    assert_eq!(bench.fails("UPDATE sluss.staging SET bytes = 'text'").number, 257);
    assert_eq!(bench.value("SELECT CONVERT(varchar(10), Content, 2) FROM dbo.Documents WHERE Id = 2"), text("030A11181F"));
}
