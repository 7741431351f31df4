//! A run as plain data: who does what, and how the stores fail meanwhile. It is printed as text, and read back from a file.

use std::fmt;
use std::str::FromStr;

use sluss::model::phase::Phase;
use sluss::store::faulty::FaultPlan;

/// Everything that a run is made from, but for the machine's own timing.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    pub seed: u64,
    /// A name that `stores::open` knows.
    pub stores: String,
    /// Where the tenant begins.
    pub phase: Phase,
    pub mirror: bool,
    pub documents: u32,
    pub gateways: usize,
    /// Processes with agents only. Without any, the gateways have agents.
    pub agents: usize,
    /// When an upload counts as abandoned.
    pub abandoned_ms: u64,
    pub faults: FaultPlan,
    pub steps: Vec<Step>,
}

/// One step of one actor: after its own step before, and a pause.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub actor: String,
    pub pause_ms: u64,
    pub act: Act,
}

/// A content: its name, which is its seed too, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentSpec {
    pub id: u32,
    pub length: u64,
}

/// What a client asks of the document before it changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Always,
    /// The tag that anybody saw last; always, where nobody has seen one.
    Match,
    Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Put(ContentSpec, Wish),
    /// A PUT whose client breaks off in the middle of its body.
    Cut(ContentSpec),
    Get,
    /// `If-None-Match` with the tag that anybody saw last.
    GetSince,
    /// Some of the bytes.
    GetPart,
    Head,
    Delete(Wish),
    /// The list of the contents that the document had.
    Versions,
    /// The bytes of one of them: this one in the list, counted around.
    GetVersion(usize),
    /// One of them made current again.
    Restore(usize, Wish),
}

/// As in `model::Straight`, with the contents' lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statement {
    Update(ContentSpec),
    Clear,
    Touch,
    Delete,
    Insert(Option<ContentSpec>),
    Replace(Option<ContentSpec>),
    Peek,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// By this gateway, or another one where it is down.
    Ask {
        document: u32,
        ask: Ask,
        gateway: usize,
    },
    /// Another program of the customer's.
    Sql {
        document: u32,
        statement: Statement,
    },
    /// Step by step towards a phase.
    Flip(Phase),
    Sweep,
    Verify,
    Purge,
    Collect,
    /// Gateways first, then agents; it starts again after a rest.
    Kill {
        node: usize,
        rest_ms: u64,
    },
    /// Everybody has ended and rests: what the documents are now is noted.
    Mark,
    /// Everybody has ended and rests; the tenant, or one document, is restored to the mark, and then to before that. The steps behind it go
    /// on meanwhile.
    Return(Option<u32>),
}

/// Steps between two moments at which everybody rests.
#[derive(Debug)]
pub struct Part<'a> {
    /// [`Act::Mark`] or [`Act::Return`]; none before the first of them.
    pub opening: Option<&'a Act>,
    pub steps: &'a [Step],
}

impl Script {
    pub fn nodes(&self) -> usize {
        self.gateways + self.agents
    }

    pub fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = vec![Part { opening: None, steps: &[] }];
        let mut begins = 0;
        for (at, step) in self.steps.iter().enumerate() {
            if matches!(step.act, Act::Mark | Act::Return(_)) {
                parts.push(Part { opening: Some(&step.act), steps: &[] });
                begins = at + 1;
            } else if let Some(part) = parts.last_mut() {
                part.steps = &self.steps[begins..=at];
            }
        }
        parts
    }
}

/// In the order in which they first appear.
pub fn actors(steps: &[Step]) -> Vec<String> {
    let mut actors: Vec<String> = Vec::new();
    for step in steps {
        if !actors.contains(&step.actor) {
            actors.push(step.actor.clone());
        }
    }
    actors
}

pub fn steps_of(steps: &[Step], actor: &str) -> Vec<Step> {
    steps.iter().filter(|step| step.actor == actor).cloned().collect()
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        writeln!(f, "stores {}", self.stores)?;
        writeln!(f, "phase {}", self.phase)?;
        writeln!(f, "mirror {}", self.mirror)?;
        writeln!(f, "documents {}", self.documents)?;
        writeln!(f, "gateways {}", self.gateways)?;
        writeln!(f, "agents {}", self.agents)?;
        writeln!(f, "abandoned_ms {}", self.abandoned_ms)?;
        writeln!(f, "faults {}", self.faults)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} +{} {}", self.actor, self.pause_ms, self.act)
    }
}

impl fmt::Display for ContentSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.id, self.length)
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "always",
            Self::Match => "match",
            Self::Absent => "absent",
        })
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask { document, ask, gateway } => {
                write!(f, "{document} @{gateway} ")?;
                match ask {
                    Ask::Put(content, wish) => write!(f, "put {content} {wish}"),
                    Ask::Cut(content) => write!(f, "cut {content}"),
                    Ask::Get => f.write_str("get"),
                    Ask::GetSince => f.write_str("get_since"),
                    Ask::GetPart => f.write_str("get_part"),
                    Ask::Head => f.write_str("head"),
                    Ask::Delete(wish) => write!(f, "delete {wish}"),
                    Ask::Versions => f.write_str("versions"),
                    Ask::GetVersion(pick) => write!(f, "get_version {pick}"),
                    Ask::Restore(pick, wish) => write!(f, "restore {pick} {wish}"),
                }
            }
            Self::Sql { document, statement } => {
                write!(f, "{document} sql ")?;
                let or_null = |content: &Option<ContentSpec>| content.map_or_else(|| "null".to_owned(), |content| content.to_string());
                match statement {
                    Statement::Update(content) => write!(f, "update {content}"),
                    Statement::Clear => f.write_str("clear"),
                    Statement::Touch => f.write_str("touch"),
                    Statement::Delete => f.write_str("delete"),
                    Statement::Insert(content) => write!(f, "insert {}", or_null(content)),
                    Statement::Replace(content) => write!(f, "replace {}", or_null(content)),
                    Statement::Peek => f.write_str("peek"),
                }
            }
            Self::Flip(to) => write!(f, "flip {to}"),
            Self::Sweep => f.write_str("sweep"),
            Self::Verify => f.write_str("verify"),
            Self::Purge => f.write_str("purge"),
            Self::Collect => f.write_str("collect"),
            Self::Kill { node, rest_ms } => write!(f, "kill {node} {rest_ms}"),
            Self::Mark => f.write_str("mark"),
            Self::Return(None) => f.write_str("return"),
            Self::Return(Some(document)) => write!(f, "return {document}"),
        }
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is not what is needed here"))
}

impl FromStr for ContentSpec {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (id, length) = text.split_once(':').ok_or_else(|| format!("{text:?} is not `content:length`"))?;
        Ok(Self { id: number(id)?, length: number(length)? })
    }
}

impl FromStr for Wish {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wishes = [Self::Always, Self::Match, Self::Absent];
        wishes.into_iter().find(|wish| wish.to_string() == text).ok_or_else(|| format!("{text:?} is no condition"))
    }
}

impl FromStr for Step {
    type Err = String;
    fn from_str(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [actor, pause, act @ ..] = words.as_slice() else { return Err(format!("{line:?} is no step")) };
        let pause_ms = number(pause.strip_prefix('+').unwrap_or(pause))?;
        Ok(Self { actor: (*actor).to_owned(), pause_ms, act: read_act(act).map_err(|error| format!("{line:?}: {error}"))? })
    }
}

fn read_act(words: &[&str]) -> Result<Act, String> {
    let or_null = |text: &str| if text == "null" { Ok(None) } else { text.parse().map(Some) };
    let act = match words {
        ["flip", to] => Act::Flip(to.parse().map_err(|error| format!("{error}"))?),
        ["sweep"] => Act::Sweep,
        ["verify"] => Act::Verify,
        ["purge"] => Act::Purge,
        ["collect"] => Act::Collect,
        ["kill", node, rest] => Act::Kill { node: number(node)?, rest_ms: number(rest)? },
        ["mark"] => Act::Mark,
        ["return"] => Act::Return(None),
        ["return", document] => Act::Return(Some(number(document)?)),
        [document, "sql", rest @ ..] => {
            let statement = match rest {
                ["update", content] => Statement::Update(content.parse()?),
                ["clear"] => Statement::Clear,
                ["touch"] => Statement::Touch,
                ["delete"] => Statement::Delete,
                ["insert", content] => Statement::Insert(or_null(content)?),
                ["replace", content] => Statement::Replace(or_null(content)?),
                ["peek"] => Statement::Peek,
                _ => return Err("no such statement".to_owned()),
            };
            Act::Sql { document: number(document)?, statement }
        }
        [document, gateway, rest @ ..] => {
            let ask = match rest {
                ["put", content, wish] => Ask::Put(content.parse()?, wish.parse()?),
                ["cut", content] => Ask::Cut(content.parse()?),
                ["get"] => Ask::Get,
                ["get_since"] => Ask::GetSince,
                ["get_part"] => Ask::GetPart,
                ["head"] => Ask::Head,
                ["delete", wish] => Ask::Delete(wish.parse()?),
                ["versions"] => Ask::Versions,
                ["get_version", pick] => Ask::GetVersion(number(pick)?),
                ["restore", pick, wish] => Ask::Restore(number(pick)?, wish.parse()?),
                _ => return Err("no such request".to_owned()),
            };
            Act::Ask { document: number(document)?, ask, gateway: number(gateway.trim_start_matches('@'))? }
        }
        _ => return Err("no such step".to_owned()),
    };
    Ok(act)
}

/// The settings first, each once; then the steps. Lines that begin with `#` are for people.
impl FromStr for Script {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut setting = |name: &str| {
            let line = lines.next().unwrap_or_default();
            let value = line.strip_prefix(name).filter(|value| value.starts_with(' '));
            value.map(|value| value.trim().to_owned()).ok_or_else(|| format!("{line:?} stands where `{name}` is expected"))
        };
        Ok(Self {
            seed: number(&setting("seed")?)?,
            stores: setting("stores")?,
            phase: setting("phase")?.parse().map_err(|error| format!("{error}"))?,
            mirror: number(&setting("mirror")?)?,
            documents: number(&setting("documents")?)?,
            gateways: number(&setting("gateways")?)?,
            agents: number(&setting("agents")?)?,
            abandoned_ms: number(&setting("abandoned_ms")?)?,
            faults: setting("faults")?.parse()?,
            steps: lines.map(str::parse).collect::<Result<_, _>>()?,
        })
    }
}
