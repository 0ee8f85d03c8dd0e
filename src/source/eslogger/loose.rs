//! Members of an `eslogger` line that an event can do without: one that is absent, null or of another type than the
//! system writes today is left out, and the event is kept.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A member, if it is there and of its type.
pub(super) struct Loose<T>(pub(super) Option<T>);

impl<T> Default for Loose<T> {
    fn default() -> Self {
        Loose(None)
    }
}

/// The types a member may have; other values are skipped.
pub(super) trait Member<'de>: Sized {
    fn of_bool(_: bool) -> Option<Self> {
        None
    }

    fn of_int(_: i128) -> Option<Self> {
        None
    }

    fn of_text(_: Cow<'de, str>) -> Option<Self> {
        None
    }

    fn of_map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        IgnoredAny::deserialize(MapAccessDeserializer::new(map)).map(|_| None)
    }

    fn of_seq<A: SeqAccess<'de>>(seq: A) -> Result<Option<Self>, A::Error> {
        IgnoredAny::deserialize(SeqAccessDeserializer::new(seq)).map(|_| None)
    }
}

impl<'de, T: Member<'de>> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor(PhantomData)).map(Loose)
    }
}

struct LooseVisitor<T>(PhantomData<T>);

impl<'de, T: Member<'de>> Visitor<'de> for LooseVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(T::of_bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(T::of_int(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(T::of_int(number.into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(T::of_text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::of_text(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::of_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        T::of_seq(seq)
    }
}

impl<'de> Member<'de> for bool {
    fn of_bool(flag: bool) -> Option<bool> {
        Some(flag)
    }
}

impl<'de> Member<'de> for i64 {
    fn of_int(number: i128) -> Option<i64> {
        i64::try_from(number).ok()
    }

    fn of_text(text: Cow<'de, str>) -> Option<i64> {
        text.parse().ok()
    }
}

impl<'de> Member<'de> for u64 {
    fn of_int(number: i128) -> Option<u64> {
        u64::try_from(number).ok()
    }

    fn of_text(text: Cow<'de, str>) -> Option<u64> {
        text.parse().ok()
    }
}

/// A word of an audit token: `uid_t` and similar types are unsigned, and -1 is written for no user.
impl<'de> Member<'de> for u32 {
    fn of_int(number: i128) -> Option<u32> {
        u32::try_from(number).or_else(|_| i32::try_from(number).map(i32::cast_unsigned)).ok()
    }

    fn of_text(text: Cow<'de, str>) -> Option<u32> {
        text.parse().ok()
    }
}

impl<'de: 'a, 'a> Member<'de> for Cow<'a, str> {
    fn of_text(text: Cow<'de, str>) -> Option<Cow<'a, str>> {
        Some(text)
    }
}

/// A list whose elements keep their places: one of another type is an empty one.
impl<'de, T: Member<'de> + Default> Member<'de> for Vec<T> {
    fn of_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Vec<T>>, A::Error> {
        let mut all = Vec::new();
        while let Some(Loose(element)) = seq.next_element()? {
            all.push(element.unwrap_or_default());
        }
        Ok(Some(all))
    }
}
