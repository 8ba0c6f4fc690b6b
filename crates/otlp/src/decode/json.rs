//! How is JSON read as OTLP writes it?
//!
//! Visitors that go through objects and lists, and plain values in every way they are written; what is an object's is in
//! `objects`. As the protocol says: keys in camelCase, ids in hexadecimal of either case, 64-bit integers as numbers or
//! text, enumerations as numbers, unknown keys ignored, `null` as absent. Beyond it, enumerations by name are taken,
//! because some exporters write them. A file is one document, or one request per line.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use self::objects::Document;
use crate::error::{Error, Fault, Place, Result};
use crate::telemetry::{Sink, id};

mod objects;

/// Reads all documents in `bytes`, however they are separated.
pub(crate) fn documents<'a>(sink: &mut Sink<'_, 'a>, bytes: &'a [u8]) -> Result<()> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    // Whether anything but white space is left.
    while json.end().is_err() {
        let mut reader = Reader { sink, refused: None, within: "the document" };
        let mut document = Document::default();
        let read = Object { reader: &mut reader, target: &mut document }.deserialize(&mut json);
        let (refused, within) = (reader.refused.take(), reader.within);
        if let Some(refused) = refused {
            return Err(refused);
        }
        read.map_err(|error| malformed(&error, within))?;
        if document.is_of_others() {
            return Err(Error::NotTelemetry);
        }
    }
    Ok(())
}

/// The place and kind of an error. What `serde_json` says of it may quote the document.
fn malformed(error: &serde_json::Error, within: &'static str) -> Error {
    let fault = match error.classify() {
        Category::Eof => Fault::CutOff,
        Category::Data => Fault::WrongType,
        Category::Syntax | Category::Io => Fault::Syntax,
    };
    Error::Malformed { place: Place::Line { line: error.line(), column: error.column(), within }, fault }
}

/// What all parts of a document are read with.
struct Reader<'s, 'k, 'a> {
    sink: &'s mut Sink<'k, 'a>,
    /// Why reading stopped, when it was not the JSON.
    refused: Option<Error>,
    /// What is being read, for errors.
    within: &'static str,
}

impl Reader<'_, '_, '_> {
    /// `result`, with its error put aside where `serde` cannot carry it.
    fn hold<T, E: serde::de::Error>(&mut self, result: Result<T>) -> Result<T, E> {
        result.map_err(|error| {
            self.refused = Some(error);
            E::custom("refused")
        })
    }
}

/// An object of OTLP: what to do with each of its keys.
trait Read<'a> {
    const NAME: &'static str;

    fn key<M: MapAccess<'a>>(
        &mut self,
        reader: &mut Reader<'_, '_, 'a>,
        key: &str,
        map: &mut M,
    ) -> Result<(), M::Error>;
}

/// Reads an object, or `null` as an empty one.
struct Object<'r, 's, 'k, 'a, T> {
    reader: &'r mut Reader<'s, 'k, 'a>,
    target: &'r mut T,
}

impl<'a, T: Read<'a>> DeserializeSeed<'a> for Object<'_, '_, '_, 'a, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a, T: Read<'a>> Visitor<'a> for Object<'_, '_, '_, 'a, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::NAME)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        self.reader.within = T::NAME;
        while let Some(Text(key)) = map.next_key()? {
            self.target.key(self.reader, &key, &mut map)?;
            self.reader.within = T::NAME;
        }
        Ok(())
    }
}

/// Reads a list of objects, or `null` as an empty one.
struct Each<'r, 's, 'k, 'a, F> {
    reader: &'r mut Reader<'s, 'k, 'a>,
    item: F,
}

/// One object of a list.
trait Item<'a> {
    type Target: Read<'a>;

    /// Makes room for one, before it is read.
    fn begin(&mut self, reader: &mut Reader<'_, '_, 'a>) -> Result<Self::Target>;
    /// Puts it away once it is read.
    fn end(&mut self, reader: &mut Reader<'_, '_, 'a>, target: Self::Target);
}

impl<'a, F: Item<'a>> DeserializeSeed<'a> for Each<'_, '_, '_, 'a, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a, F: Item<'a>> Visitor<'a> for Each<'_, '_, '_, 'a, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list, each item {}", <F::Target as Read<'a>>::NAME)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'a>>(mut self, mut items: S) -> Result<(), S::Error> {
        loop {
            let mut next = Next { reader: &mut *self.reader, item: &mut self.item };
            if items.next_element_seed(&mut next)?.is_none() {
                return Ok(());
            }
        }
    }
}

/// The next object of a list.
struct Next<'r, 's, 'k, 'a, F> {
    reader: &'r mut Reader<'s, 'k, 'a>,
    item: &'r mut F,
}

impl<'a, F: Item<'a>> DeserializeSeed<'a> for &mut Next<'_, '_, '_, 'a, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        let begun = self.item.begin(self.reader);
        let mut target = self.reader.hold(begun)?;
        Object { reader: self.reader, target: &mut target }.deserialize(deserializer)?;
        self.item.end(self.reader, target);
        Ok(())
    }
}

fn object<'a, M: MapAccess<'a>, T: Read<'a>>(
    reader: &mut Reader<'_, '_, 'a>,
    map: &mut M,
    target: &mut T,
) -> Result<(), M::Error> {
    map.next_value_seed(Object { reader, target })
}

fn each<'a, M: MapAccess<'a>>(
    reader: &mut Reader<'_, '_, 'a>,
    map: &mut M,
    item: impl Item<'a>,
) -> Result<(), M::Error> {
    map.next_value_seed(Each { reader, item })
}

fn ignore<'a, M: MapAccess<'a>>(map: &mut M) -> Result<(), M::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// A text, borrowed where it stands in the document as it is.
struct Text<'a>(Cow<'a, str>);

impl<'a> serde::Deserialize<'a> for Text<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Text(text) => Ok(Self(text)),
            Scalar::Null => Ok(Self(Cow::Borrowed(""))),
            _ => Err(D::Error::custom("a text")),
        }
    }
}

/// A value that is neither list nor object.
enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Double(f64),
    Text(Cow<'a, str>),
}

impl<'a> serde::Deserialize<'a> for Scalar<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'a> Visitor<'a> for ScalarVisitor {
    type Value = Scalar<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value")
    }

    fn visit_unit<E>(self) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Int(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Double(value))
    }

    fn visit_borrowed_str<E>(self, value: &'a str) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }
}

fn text<'a, M: MapAccess<'a>>(map: &mut M) -> Result<Cow<'a, str>, M::Error> {
    map.next_value::<Text<'a>>().map(|text| text.0)
}

/// An id in hexadecimal; nothing if it is no such id, so that its span is refused and not its request.
fn hex_id<'a, M: MapAccess<'a>, const N: usize>(map: &mut M) -> Result<Option<[u8; N]>, M::Error> {
    let text = text(map)?;
    Ok(unhex(&text).and_then(|bytes| id(&bytes)))
}

/// The bytes that hexadecimal digits stand for.
pub(crate) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    // Two digits are below 256.
    pairs.map(|pair| u8::try_from(digit(pair.first()?)? * 16 + digit(pair.get(1)?)?).ok()).collect()
}

/// A whole number, as a number or as text.
fn integer<'a, M: MapAccess<'a>>(map: &mut M) -> Result<i128, M::Error> {
    let whole = |value: f64| (value.fract() == 0.0 && value.abs() < 1e19).then_some(value as i128);
    let read = match map.next_value()? {
        Scalar::Null => Some(0),
        Scalar::Int(value) => Some(value),
        Scalar::Double(value) => whole(value),
        Scalar::Text(text) => text.parse().ok().or_else(|| whole(text.parse().ok()?)),
        Scalar::Bool(_) => None,
    };
    read.ok_or_else(|| M::Error::custom("a whole number"))
}

fn unsigned<'a, M: MapAccess<'a>>(map: &mut M) -> Result<u64, M::Error> {
    u64::try_from(integer(map)?).map_err(M::Error::custom)
}

fn signed<'a, M: MapAccess<'a>>(map: &mut M) -> Result<i64, M::Error> {
    i64::try_from(integer(map)?).map_err(M::Error::custom)
}

fn double<'a, M: MapAccess<'a>>(map: &mut M) -> Result<f64, M::Error> {
    let read = match map.next_value()? {
        Scalar::Null => Some(0.0),
        Scalar::Int(value) => Some(value as f64),
        Scalar::Double(value) => Some(value),
        Scalar::Text(text) => match text.as_ref() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            number => number.parse().ok(),
        },
        Scalar::Bool(_) => None,
    };
    read.ok_or_else(|| M::Error::custom("a number"))
}

/// Base64 in either alphabet, padded or not, as protobuf's JSON allows.
fn base64(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return Err("base64"),
        };
        bits = bits << 6 | u32::from(digit);
        held += 6;
        if held >= 8 {
            held -= 8;
            // The eight bits above those that are still held.
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_either_alphabet() {
        for (text, expected) in [("aGk=", &b"hi"[..]), ("aGk", b"hi"), ("-_8=", &[0xfb, 0xff]), ("+/8", &[0xfb, 0xff])]
        {
            assert_eq!(base64(text).unwrap(), expected, "{text}");
        }
        assert!(base64("a b").is_err());
    }

    #[test]
    fn hexadecimal_of_either_case() {
        assert_eq!(unhex("5B8e"), Some(vec![0x5b, 0x8e]));
        assert_eq!(unhex("5B8"), None);
        assert_eq!(unhex("zz"), None);
    }
}
