//! A customer's own program: one connection on which statements run one after the other. Its methods block, so that what is no task can call
//! them; on a tokio runtime of several threads they give their thread up meanwhile.

use std::sync::mpsc;
use std::time::Duration;

use tiberius::{AuthMethod, ColumnData, Config, EncryptionLevel, IntoSql, Query};
use tokio_util::compat::TokioAsyncWriteCompatExt;

/// Whom to ask, and as whom.
#[derive(Debug, Clone)]
pub struct Login {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub database: String,
    /// Any certificate is taken: a test asks no stranger.
    pub encrypted: bool,
}

/// A value that goes to the server.
#[derive(Debug, Clone)]
pub enum Given {
    Integer(i64),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// A value that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The rows of the last result set, or the server's words.
pub type Answer = Result<Vec<Vec<Found>>, String>;

struct Wish {
    statement: String,
    /// `None`: it goes as it is.
    given: Option<Vec<Given>>,
    answer: mpsc::Sender<Answer>,
}

/// A statement that is on its way.
pub struct Pending(mpsc::Receiver<Answer>);

impl Pending {
    /// The answer, or, if none comes in time, the statement that is still on its way.
    pub fn within(self, patience: Duration) -> Result<Answer, Self> {
        match self.0.recv_timeout(patience) {
            Ok(answer) => Ok(answer),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(self),
            Err(mpsc::RecvTimeoutError::Disconnected) => Ok(Err("the client's thread is gone".to_owned())),
        }
    }
}

/// One connection, in a thread of its own.
pub struct Client(mpsc::Sender<Wish>);

impl Client {
    /// Connects with the first statement, and again after one that broke the connection.
    pub fn new(login: Login) -> Self {
        let (wishes, received) = mpsc::channel::<Wish>();
        std::thread::spawn(move || serve(&login, &received));
        Self(wishes)
    }

    /// Runs a batch whose parameters are called `@P1` and so on.
    pub fn run(&self, statement: &str, given: &[Given]) -> Answer {
        let answered = self.send(statement, Some(given.to_vec()));
        let wait = || answered.recv().unwrap_or_else(|_| Err("the client's thread is gone".to_owned()));
        match tokio::runtime::Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
            Ok(tokio::runtime::RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
            Ok(_) | Err(_) => wait(),
        }
    }

    /// Sends a batch as it is, and does not wait: what it sets, and a transaction that it begins, outlive it.
    pub fn say(&self, batch: &str) -> Pending {
        Pending(self.send(batch, None))
    }

    fn send(&self, statement: &str, given: Option<Vec<Given>>) -> mpsc::Receiver<Answer> {
        let (answer, answered) = mpsc::channel();
        // Where the thread is gone, the answer's other end goes with the wish, and who waits hears of it.
        drop(self.0.send(Wish { statement: statement.to_owned(), given, answer }));
        answered
    }
}

type Connection = tiberius::Client<tokio_util::compat::Compat<tokio::net::TcpStream>>;

fn serve(login: &Login, wishes: &mpsc::Receiver<Wish>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    let mut connection = None;
    while let Ok(Wish { statement, given, answer }) = wishes.recv() {
        let result = runtime.block_on(async {
            if connection.is_none() {
                connection = Some(connect(login).await.map_err(|error| error.to_string())?);
            }
            let connection = connection.as_mut().expect("it was made just now");
            query(connection, &statement, given).await
        });
        // After an error of the server's the connection would go on; a new one is as good, and has no transaction open.
        if result.is_err() {
            connection = None;
        }
        // Who asked may have gone.
        drop(answer.send(result));
    }
}

async fn connect(login: &Login) -> Result<Connection, tiberius::error::Error> {
    let mut config = Config::new();
    config.host(&login.host);
    config.port(login.port);
    config.database(&login.database);
    config.authentication(AuthMethod::sql_server(&login.user, &login.password));
    config.encryption(if login.encrypted { EncryptionLevel::Required } else { EncryptionLevel::NotSupported });
    config.trust_cert();
    let tcp = tokio::net::TcpStream::connect(config.get_addr()).await?;
    tcp.set_nodelay(true)?;
    tiberius::Client::connect(config, tcp.compat_write()).await
}

impl<'a> IntoSql<'a> for Given {
    fn into_sql(self) -> ColumnData<'a> {
        match self {
            Self::Integer(integer) => ColumnData::I64(Some(integer)),
            Self::Text(text) => ColumnData::String(text.map(Into::into)),
            Self::Bytes(bytes) => ColumnData::Binary(bytes.map(Into::into)),
        }
    }
}

async fn query(connection: &mut Connection, statement: &str, given: Option<Vec<Given>>) -> Answer {
    let words = |error: tiberius::error::Error| match error {
        tiberius::error::Error::Server(error) => format!("{}: {}", error.code(), error.message()),
        other => other.to_string(),
    };
    let stream = match given {
        Some(given) => {
            let mut query = Query::new(statement);
            given.into_iter().for_each(|given| query.bind(given));
            query.query(connection).await
        }
        None => connection.simple_query(statement).await,
    };
    let results = stream.map_err(words)?.into_results().await.map_err(words)?;
    let rows = results.into_iter().next_back().unwrap_or_default();
    rows.into_iter().map(|row| row.into_iter().map(found).collect()).collect()
}

fn found(data: ColumnData<'static>) -> Result<Found, String> {
    Ok(match data {
        ColumnData::Bit(value) => value.map_or(Found::Null, |bit| Found::Integer(bit.into())),
        ColumnData::U8(value) => value.map_or(Found::Null, |integer| Found::Integer(integer.into())),
        ColumnData::I16(value) => value.map_or(Found::Null, |integer| Found::Integer(integer.into())),
        ColumnData::I32(value) => value.map_or(Found::Null, |integer| Found::Integer(integer.into())),
        ColumnData::I64(value) => value.map_or(Found::Null, Found::Integer),
        ColumnData::String(value) => value.map_or(Found::Null, |text| Found::Text(text.into_owned())),
        ColumnData::Guid(value) => value.map_or(Found::Null, |guid| Found::Text(guid.to_string())),
        ColumnData::Binary(value) => value.map_or(Found::Null, |bytes| Found::Bytes(bytes.into_owned())),
        other => return Err(format!("a test takes no {other:?}")),
    })
}
