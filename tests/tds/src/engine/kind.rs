//! The types of columns, variables and expressions, how they are spelled, and which of two wins in an expression.

use std::fmt;

use crate::value::Type;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of a bare `NULL`.
    Null,
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    /// Without digits behind the point, and never beyond 64 bits.
    Decimal(u8),
    Float,
    Char(u16),
    /// `None`: max.
    VarChar(Option<u16>),
    NChar(u16),
    NVarChar(Option<u16>),
    Binary(u16),
    VarBinary(Option<u16>),
    Image,
    Guid,
    Date,
    DateTime,
    DateTime2(u8),
    RowVersion,
}

/// What two types must share to be compared without a conversion. In the order of precedence, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Null,
    Bytes,
    Text,
    Guid,
    RowVersion,
    Whole,
    Float,
    Time,
}

impl Kind {
    /// From its spelling: `name`, and what stands in parentheses behind it.
    pub fn named(name: &str, length: Option<&str>) -> Option<Self> {
        let max = length.is_some_and(|l| l.eq_ignore_ascii_case("max"));
        let sized = |default: u16| length.map_or(Some(default), |l| l.parse().ok());
        let variable = |default: u16| if max { Some(None) } else { sized(default).map(Some) };
        Some(match name.to_ascii_lowercase().as_str() {
            "null" => Self::Null,
            "bit" => Self::Bit,
            "tinyint" => Self::TinyInt,
            "smallint" => Self::SmallInt,
            "int" | "integer" => Self::Int,
            "bigint" => Self::BigInt,
            "decimal" | "numeric" => Self::Decimal(u8::try_from(sized(18)?).ok().filter(|digits| *digits <= 38)?),
            "float" | "real" => Self::Float,
            "char" => Self::Char(sized(1)?),
            "varchar" => Self::VarChar(variable(1)?),
            "nchar" => Self::NChar(sized(1)?),
            "nvarchar" => Self::NVarChar(variable(1)?),
            "sysname" => Self::NVarChar(Some(128)),
            "text" => Self::VarChar(None),
            "ntext" => Self::NVarChar(None),
            "binary" => Self::Binary(sized(1)?),
            "varbinary" => Self::VarBinary(variable(1)?),
            "image" => Self::Image,
            "uniqueidentifier" => Self::Guid,
            "date" => Self::Date,
            "datetime" => Self::DateTime,
            "datetime2" => Self::DateTime2(length.map_or(Some(7), |l| l.parse().ok().filter(|n| *n <= 7))?),
            "rowversion" | "timestamp" => Self::RowVersion,
            _ => return None,
        })
    }

    /// From the spelling of [`fmt::Display`].
    pub fn spelled(text: &str) -> Option<Self> {
        match text.split_once('(') {
            Some((name, length)) => Self::named(name, Some(length.trim_end_matches(')'))),
            None => Self::named(text, None),
        }
    }

    pub fn class(self) -> Class {
        match self {
            Self::Null => Class::Null,
            Self::Bit | Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt | Self::Decimal(_) => Class::Whole,
            Self::Float => Class::Float,
            Self::Char(_) | Self::VarChar(_) | Self::NChar(_) | Self::NVarChar(_) => Class::Text,
            Self::Binary(_) | Self::VarBinary(_) | Self::Image => Class::Bytes,
            Self::Guid => Class::Guid,
            Self::Date | Self::DateTime | Self::DateTime2(_) => Class::Time,
            Self::RowVersion => Class::RowVersion,
        }
    }

    pub fn is_text(self) -> bool {
        self.class() == Class::Text
    }

    pub fn is_national(self) -> bool {
        matches!(self, Self::NChar(_) | Self::NVarChar(_))
    }

    /// `varbinary(max)` and `image`, whose long values lie outside of the row.
    pub fn is_large(self) -> bool {
        matches!(self, Self::VarBinary(None) | Self::Image)
    }

    /// The most characters or bytes; `None` where the type has no such limit.
    pub fn length(self) -> Option<usize> {
        match self {
            Self::Char(n) | Self::NChar(n) | Self::Binary(n) => Some(n.into()),
            Self::VarChar(n) | Self::NVarChar(n) | Self::VarBinary(n) => n.map(usize::from),
            _ => None,
        }
    }

    /// The type of an expression that gives one or the other.
    pub fn wider(self, other: Self) -> Self {
        if self.class() != other.class() {
            return if self.class() > other.class() { self } else { other };
        }
        let longest = || match (self.length(), other.length()) {
            (Some(a), Some(b)) => u16::try_from(a.max(b)).ok(),
            _ => None,
        };
        match self.class() {
            Class::Text if self.is_national() || other.is_national() => Self::NVarChar(longest()),
            Class::Text => Self::VarChar(longest()),
            Class::Bytes => Self::VarBinary(longest()),
            Class::Whole if self.bytes() < other.bytes() || self == Self::Bit => other,
            Class::Time => Self::DateTime2(7),
            _ => self,
        }
    }

    /// How many bytes a value of a fixed type has.
    pub fn bytes(self) -> u16 {
        match self {
            Self::Null => 0,
            Self::Bit | Self::TinyInt => 1,
            Self::SmallInt => 2,
            Self::Int => 4,
            Self::Date => 3,
            Self::Guid => 16,
            Self::Decimal(_) => 17,
            Self::DateTime2(digits) => 6 + u16::from(digits > 2) + u16::from(digits > 4),
            Self::Char(n) | Self::Binary(n) => n,
            Self::NChar(n) => n.saturating_mul(2),
            _ => 8,
        }
    }

    /// How it goes over the wire.
    pub fn wire(self) -> Type {
        match self {
            Self::Bit => Type::Bit,
            Self::Null | Self::TinyInt | Self::SmallInt | Self::Int => Type::Int,
            Self::BigInt | Self::Decimal(_) => Type::BigInt,
            Self::Float => Type::Float,
            Self::Char(n) => Type::VarChar(Some(n)),
            Self::VarChar(n) => Type::VarChar(n),
            Self::NChar(n) => Type::NVarChar(Some(n)),
            Self::NVarChar(n) => Type::NVarChar(n),
            Self::Binary(n) => Type::VarBinary(Some(n)),
            Self::VarBinary(n) => Type::VarBinary(n),
            Self::Image => Type::VarBinary(None),
            Self::RowVersion => Type::VarBinary(Some(8)),
            Self::Guid => Type::UniqueIdentifier,
            Self::Date | Self::DateTime | Self::DateTime2(_) => Type::DateTime2,
        }
    }

    pub fn of_wire(kind: &Type) -> Self {
        match kind {
            Type::Bit => Self::Bit,
            Type::Int => Self::Int,
            Type::BigInt => Self::BigInt,
            Type::Float => Self::Float,
            Type::VarChar(n) => Self::VarChar(*n),
            Type::NVarChar(n) => Self::NVarChar(*n),
            Type::VarBinary(n) => Self::VarBinary(*n),
            Type::UniqueIdentifier => Self::Guid,
            Type::DateTime2 => Self::DateTime2(7),
        }
    }

    /// The type's name, without a length, and its number in `sys.types`.
    pub fn system(self) -> (&'static str, i64) {
        match self {
            Self::Null | Self::Int => ("int", 56),
            Self::Bit => ("bit", 104),
            Self::TinyInt => ("tinyint", 48),
            Self::SmallInt => ("smallint", 52),
            Self::BigInt => ("bigint", 127),
            Self::Decimal(_) => ("decimal", 106),
            Self::Float => ("float", 62),
            Self::Char(_) => ("char", 175),
            Self::VarChar(_) => ("varchar", 167),
            Self::NChar(_) => ("nchar", 239),
            Self::NVarChar(_) => ("nvarchar", 231),
            Self::Binary(_) => ("binary", 173),
            Self::VarBinary(_) => ("varbinary", 165),
            Self::Image => ("image", 34),
            Self::Guid => ("uniqueidentifier", 36),
            Self::Date => ("date", 40),
            Self::DateTime => ("datetime", 61),
            Self::DateTime2(_) => ("datetime2", 42),
            Self::RowVersion => ("timestamp", 189),
        }
    }

    /// `max_length` of `sys.columns`: in bytes, -1 for max.
    pub fn max_length(self) -> i64 {
        match self {
            Self::VarChar(n) | Self::VarBinary(n) => n.map_or(-1, i64::from),
            Self::NVarChar(n) => n.map_or(-1, |n| i64::from(n) * 2),
            Self::Image => 16,
            fixed => fixed.bytes().into(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if *self == Self::Null { "null" } else { self.system().0 };
        match self {
            Self::VarChar(None) | Self::NVarChar(None) | Self::VarBinary(None) => write!(f, "{name}(max)"),
            Self::DateTime2(digits) | Self::Decimal(digits) => write!(f, "{name}({digits})"),
            _ => match self.length() {
                Some(length) => write!(f, "{name}({length})"),
                None => f.write_str(name),
            },
        }
    }
}
