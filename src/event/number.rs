//! Numbers that compare exactly: a `long` has 64 bits, a double can hold only 53 of them.

use std::cmp::Ordering;
use std::fmt;

/// A number of a document or of a rule.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// Any other finite number.
    Float(f64),
}

impl Number {
    /// Reads a decimal number; not an infinity, and not NaN.
    pub fn parse(text: &str) -> Option<Number> {
        let text = text.trim();
        match text.parse() {
            Ok(number) => Some(Number::Int(number)),
            Err(_) => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Number::Float),
        }
    }

    /// The number as a `long` field indexes it: without its fraction.
    pub fn truncated(self) -> Option<i64> {
        match self {
            Number::Int(number) => Some(number),
            Number::Float(number) => fits_i64(number).then_some(number as i64),
        }
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        match self {
            Number::Int(number) => number as f64,
            Number::Float(number) => number,
        }
    }

    /// The number for a place or a length: a fraction is cut off.
    pub fn to_index(self) -> i64 {
        self.truncated().unwrap_or(if self.to_f64() < 0.0 { i64::MIN } else { i64::MAX })
    }
}

/// The bounds are powers of two, which a double holds exactly.
fn fits_i64(number: f64) -> bool {
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number)
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.partial_cmp(other).is_some_and(Ordering::is_eq)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        match (*self, *other) {
            (Number::Int(one), Number::Int(other)) => Some(one.cmp(&other)),
            (Number::Float(one), Number::Float(other)) => one.partial_cmp(&other),
            (Number::Int(one), Number::Float(other)) => compare(one, other),
            (Number::Float(one), Number::Int(other)) => compare(other, one).map(Ordering::reverse),
        }
    }
}

fn compare(int: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if !fits_i64(float) {
        return Some(if float < 0.0 { Ordering::Greater } else { Ordering::Less });
    }
    let whole = float as i64;
    Some(int.cmp(&whole).then(if float > whole as f64 {
        Ordering::Less
    } else if float < whole as f64 {
        Ordering::Greater
    } else {
        Ordering::Equal
    }))
}

impl fmt::Display for Number {
    /// As JSON documents write it: a double keeps its decimal point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Int(number) => write!(f, "{number}"),
            Number::Float(number) => write!(f, "{number:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_beyond_the_doubles_compare_exactly() {
        let big = 9_007_199_254_740_993;
        assert!(Number::Int(big) > Number::Float(9_007_199_254_740_992.0));
        assert!(Number::Float(9_007_199_254_740_992.0) < Number::Int(big));
        assert_ne!(Number::Int(big), Number::Int(big - 1));
        assert!(Number::Int(i64::MAX) < Number::Float(9.3e18));
        assert!(Number::Int(i64::MIN) > Number::Float(-9.3e18));
        assert_eq!(Number::Int(i64::MIN), Number::Float(-9_223_372_036_854_775_808.0));
        assert!(Number::Int(-3) > Number::Float(-3.5));
        assert!(Number::Int(3) < Number::Float(3.5));
    }

    #[test]
    fn a_text_is_a_number_when_it_is_finite() {
        assert_eq!(Number::parse(" 82 "), Some(Number::Int(82)));
        assert_eq!(Number::parse("1e3"), Some(Number::Float(1000.0)));
        for text in ["", "nan", "inf", "-infinity", "0x10", "1e999"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }
}
