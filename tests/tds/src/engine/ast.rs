//! What a batch says: statements, queries and expressions, with all names as they were written.

use super::kind::Kind;

#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Null,
    /// `DEFAULT` among the values of an INSERT or UPDATE.
    Default,
    Whole(i64),
    Float(f64),
    Text {
        value: String,
        national: bool,
    },
    Bytes(Vec<u8>),
    /// `@name` or `@@name`.
    Variable(String),
    /// One part or several.
    Column(Vec<String>),
    Negative(Box<Expr>),
    Not(Box<Expr>),
    /// Arithmetic, comparison, AND and OR.
    Binary(&'static str, Box<Expr>, Box<Expr>),
    IsNull(Box<Expr>, bool),
    In(Box<Expr>, Vec<Expr>, bool),
    InQuery(Box<Expr>, Box<Query>, bool),
    Between(Box<Expr>, Box<Expr>, Box<Expr>, bool),
    Like(Box<Expr>, Box<Expr>, Option<Box<Expr>>, bool),
    Exists(Box<Query>),
    Query(Box<Query>),
    Case {
        operand: Option<Box<Expr>>,
        whens: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Cast {
        value: Box<Expr>,
        to: Kind,
        style: Option<Box<Expr>>,
        lenient: bool,
    },
    Collate(Box<Expr>, String),
    Call(Call),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// In upper case.
    pub name: String,
    pub arguments: Vec<Expr>,
    /// `COUNT(*)`.
    pub star: bool,
    pub distinct: bool,
    pub over: Option<Over>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Over {
    pub partition: Vec<Expr>,
    pub order: Vec<Order>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub by: Expr,
    pub descending: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    pub ctes: Vec<Cte>,
    pub body: Body,
    pub order: Vec<Order>,
    pub offset: Option<Expr>,
    pub fetch: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cte {
    pub name: String,
    pub columns: Vec<String>,
    pub query: Query,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Select(Box<Select>),
    /// `UNION`, `UNION ALL`, `EXCEPT`, `INTERSECT`.
    Combined(&'static str, Box<Body>, Box<Body>),
    Values(Vec<Vec<Expr>>),
    Nested(Box<Query>),
}

impl Default for Body {
    fn default() -> Self {
        Self::Values(Vec::new())
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Select {
    pub distinct: bool,
    pub top: Option<Expr>,
    pub items: Vec<Item>,
    pub from: Vec<Source>,
    pub filter: Option<Expr>,
    pub group: Vec<Expr>,
    pub having: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// `*` or `x.*`.
    Star(Option<String>),
    Value(Expr, Option<String>),
    /// `@a = ...`
    Assign(String, Expr),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    Table { name: Vec<String>, alias: Option<String> },
    Variable { name: String, alias: Option<String> },
    Derived { query: Box<Query>, alias: String, columns: Vec<String> },
    Function { name: Vec<String>, arguments: Vec<Expr>, alias: Option<String> },
    Join { kind: &'static str, left: Box<Source>, right: Box<Source>, on: Option<Expr> },
}

/// One statement, and its text for an error.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub statement: Statement,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// `SET option, option value`, in upper case.
    Option(Vec<String>, String),
    Declare(Vec<(String, Kind, Option<Expr>)>),
    DeclareTable(String, Table),
    Assign(String, Expr),
    Query(Query),
    Insert(Insert),
    Update(Change),
    Delete(Change),
    If(Expr, Box<Step>, Option<Box<Step>>),
    While(Expr, Box<Step>),
    Block(Vec<Step>),
    Break,
    Continue,
    Return,
    Throw(Option<(Expr, Expr)>),
    Raise(Expr, Expr),
    Try(Vec<Step>, Vec<Step>),
    Print(Expr),
    Wait(Expr),
    Begin,
    Commit,
    Rollback,
    /// `EXEC('...')`: a text to run.
    Execute(Expr),
    /// `EXEC procedure [@name =] value, ...`
    Procedure(String, Vec<(Option<String>, Expr)>),
    CreateSchema(String),
    CreateTable(Vec<String>, Table),
    CreateIndex(Index, Vec<String>),
    CreateTrigger(Trigger),
    Alter(Vec<String>, Alter),
    /// `DISABLE TRIGGER` and `ENABLE TRIGGER`; `None`: all of the table.
    Switch {
        trigger: Option<Vec<String>>,
        table: Vec<String>,
        disabled: bool,
    },
    /// What is dropped: `TABLE`, `TRIGGER`, `SCHEMA`, or `INDEX` with its table.
    Drop {
        what: &'static str,
        name: Vec<String>,
        table: Vec<String>,
        lenient: bool,
    },
    /// Rights and roles, which this server has none of.
    Ignored,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    pub items: Vec<Item>,
    /// `INTO @t (columns)`.
    pub into: Option<(String, Vec<String>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    pub table: Source,
    pub columns: Vec<String>,
    pub output: Option<Output>,
    /// `None`: `DEFAULT VALUES`.
    pub rows: Option<Query>,
}

/// UPDATE, or DELETE with nothing to set.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub ctes: Vec<Cte>,
    pub top: Option<Expr>,
    /// A table, or the alias of one in `from`.
    pub target: Source,
    pub sets: Vec<Set>,
    pub output: Option<Output>,
    pub from: Vec<Source>,
    pub filter: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Set {
    Column(String, Expr),
    /// `column.WRITE(piece, offset, length)`
    Write(String, Box<[Expr; 3]>),
    Variable(String, Expr),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    pub columns: Vec<ColumnText>,
    pub constraints: Vec<Constraint>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnText {
    pub name: String,
    pub kind: Kind,
    pub collation: Option<String>,
    pub nullable: bool,
    pub identity: Option<(i64, i64)>,
    pub row_guid: bool,
    /// The name of its constraint, and the expression's text.
    pub default: Option<(Option<String>, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    pub name: Option<String>,
    pub rule: Rule,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// `PRIMARY KEY` or `UNIQUE`.
    Unique {
        primary: bool,
        clustered: bool,
        columns: Vec<(String, bool)>,
    },
    Foreign {
        columns: Vec<String>,
        table: Vec<String>,
        referenced: Vec<String>,
        on_delete: &'static str,
        on_update: &'static str,
    },
    Check(Expr, String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    pub name: String,
    pub unique: bool,
    pub clustered: bool,
    /// With whether they are descending.
    pub columns: Vec<(String, bool)>,
    pub included: Vec<String>,
    pub filter: Option<(Expr, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    pub name: Vec<String>,
    pub table: Vec<String>,
    /// `INSERT`, `UPDATE`, `DELETE`.
    pub actions: Vec<&'static str>,
    pub replace: bool,
    /// From `CREATE` on.
    pub text: String,
    pub body: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Alter {
    Add(Table),
    DropColumn(String),
    DropConstraint(String),
    /// `SET (...)`, which changes nothing here.
    Ignored,
}
