//! A walk over an encoded request that believes nothing. The codecs reserve memory for as many
//! elements as an array declares, so a few bytes could ask for gigabytes; here each count is held
//! against the bytes that are there, and their sum against a bound, before anything is decoded.

/// Elements (array entries and tagged fields) that one request may hold in all.
const ELEMENTS_MAX: usize = 100_000;

/// One field of a request and the versions that have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    kind: Kind,
    since: i16,
    until: i16,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// So many bytes.
    Fixed(usize),
    /// A string, null or not.
    Text,
    /// Bytes, null or not.
    Blob,
    /// An array of numbers of so many bytes.
    Numbers(usize),
    /// An array of strings.
    Texts,
    /// An array of structures.
    Structs(&'static [Field]),
    /// A structure or null, told apart by a byte.
    Maybe(&'static [Field]),
}

pub(super) const fn fixed(bytes: usize) -> Field {
    Field::of(Kind::Fixed(bytes))
}

pub(super) const fn text() -> Field {
    Field::of(Kind::Text)
}

pub(super) const fn blob() -> Field {
    Field::of(Kind::Blob)
}

pub(super) const fn numbers(bytes: usize) -> Field {
    Field::of(Kind::Numbers(bytes))
}

pub(super) const fn texts() -> Field {
    Field::of(Kind::Texts)
}

pub(super) const fn structs(fields: &'static [Field]) -> Field {
    Field::of(Kind::Structs(fields))
}

pub(super) const fn maybe(fields: &'static [Field]) -> Field {
    Field::of(Kind::Maybe(fields))
}

impl Field {
    const fn of(kind: Kind) -> Self {
        Self { kind, since: 0, until: i16::MAX }
    }

    pub(super) const fn since(mut self, version: i16) -> Self {
        self.since = version;
        self
    }

    pub(super) const fn until(mut self, version: i16) -> Self {
        self.until = version;
        self
    }
}

/// The bytes of a request do not have its shape, or hold too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShapeError {
    #[error("request ends within a field")]
    Truncated,
    #[error("negative length")]
    Negative,
    #[error("more than {ELEMENTS_MAX} elements")]
    TooMany,
}

/// Walks over `body`, a request of `version`; `flexible` versions use compact lengths and tags.
pub(crate) fn check(
    fields: &'static [Field],
    version: i16,
    flexible: bool,
    body: &[u8],
) -> Result<(), ShapeError> {
    let mut walk = Walk { rest: body, version, flexible, elements: 0 };
    walk.structure(fields)
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    elements: usize,
}

impl Walk<'_> {
    fn structure(&mut self, fields: &'static [Field]) -> Result<(), ShapeError> {
        for field in fields {
            if (field.since..=field.until).contains(&self.version) {
                self.field(field.kind)?;
            }
        }
        self.tags()
    }

    fn field(&mut self, kind: Kind) -> Result<(), ShapeError> {
        match kind {
            Kind::Fixed(bytes) => self.skip(bytes),
            Kind::Text => self.text(),
            Kind::Blob => {
                let length = self.length(4)?;
                self.skip(length)
            }
            Kind::Numbers(bytes) => {
                let count = self.count()?;
                self.skip(count.checked_mul(bytes).ok_or(ShapeError::Truncated)?)
            }
            Kind::Texts => (0..self.count()?).try_for_each(|_| self.text()),
            Kind::Maybe(fields) => {
                let (&there, rest) = self.rest.split_first().ok_or(ShapeError::Truncated)?;
                self.rest = rest;
                if (there as i8) < 0 { Ok(()) } else { self.structure(fields) }
            }
            Kind::Structs(fields) => (0..self.count()?).try_for_each(|_| self.structure(fields)),
        }
    }

    fn text(&mut self) -> Result<(), ShapeError> {
        let length = self.length(2)?;
        self.skip(length)
    }

    fn tags(&mut self) -> Result<(), ShapeError> {
        if !self.flexible {
            return Ok(());
        }
        let count = self.varint()? as usize;
        self.spend(count)?;
        for _ in 0..count {
            self.varint()?;
            let length = self.varint()? as usize;
            self.skip(length)?;
        }
        Ok(())
    }

    /// The number of elements of an array; none for null.
    fn count(&mut self) -> Result<usize, ShapeError> {
        let count = self.length(4)?;
        self.spend(count)?;
        Ok(count)
    }

    /// Every element takes at least one byte.
    fn spend(&mut self, count: usize) -> Result<(), ShapeError> {
        if count > self.rest.len() {
            return Err(ShapeError::Truncated);
        }
        self.elements += count;
        if self.elements > ELEMENTS_MAX { Err(ShapeError::TooMany) } else { Ok(()) }
    }

    /// A length, zero for null: compact, or in `bytes` bytes with -1 for null.
    fn length(&mut self, bytes: usize) -> Result<usize, ShapeError> {
        if self.flexible {
            return Ok((self.varint()? as usize).saturating_sub(1));
        }
        let field = self.rest.get(..bytes).ok_or(ShapeError::Truncated)?;
        let length = match field {
            [a, b] => i64::from(i16::from_be_bytes([*a, *b])),
            [a, b, c, d] => i64::from(i32::from_be_bytes([*a, *b, *c, *d])),
            _ => return Err(ShapeError::Truncated),
        };
        self.rest = &self.rest[bytes..];
        match length {
            -1 => Ok(0),
            length => usize::try_from(length).map_err(|_| ShapeError::Negative),
        }
    }

    fn varint(&mut self) -> Result<u32, ShapeError> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(ShapeError::Truncated)?;
            self.rest = rest;
            value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ShapeError::Negative)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), ShapeError> {
        self.rest = self.rest.get(bytes..).ok_or(ShapeError::Truncated)?;
        Ok(())
    }
}
