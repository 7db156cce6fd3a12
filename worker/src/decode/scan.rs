//! A strict JSON scanner (RFC 8259) over one record's bytes: it hands out tokens, builds no tree and allocates nothing.
//!
//! Invariants: the text is UTF-8 as a whole (checked once, at the start); a string is handed out only after its escapes
//! were checked, surrogate pairs included; what is skipped is checked like what is read; nesting is bounded by
//! [`MAX_DEPTH`], so the recursion of whoever walks a value is bounded too.

use super::error::{DecodeError, DecodeErrorKind as Kind};

/// Levels of objects and arrays in one record, the outermost being the first.
pub const MAX_DEPTH: u32 = 64;

/// What kind of value comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// A number as it is spelt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'a> {
    pub text: &'a str,
    /// Neither a fraction nor an exponent.
    pub integer: bool,
}

/// A string's inside as it is spelt, its escapes checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JsonString<'a> {
    body: &'a str,
    escaped: bool,
}

impl<'a> JsonString<'a> {
    /// Appends the string's text.
    pub(crate) fn append_to(self, out: &mut Vec<u8>) {
        let mut rest = self.body;
        if self.escaped {
            while let Some(at) = rest.find('\\') {
                out.extend_from_slice(&rest.as_bytes()[..at]);
                let (char, length) = escape(&rest.as_bytes()[at..]).expect("its escapes were checked by the scanner");
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[at + length..];
            }
        }
        out.extend_from_slice(rest.as_bytes());
    }

    /// The string's text, in `scratch` if it has escapes.
    pub(crate) fn text<'b>(self, scratch: &'b mut Vec<u8>) -> &'b str
    where
        'a: 'b,
    {
        if !self.escaped {
            return self.body;
        }
        scratch.clear();
        self.append_to(scratch);
        std::str::from_utf8(scratch).expect("pieces of UTF-8 and whole characters were put together")
    }
}

/// The scanner: a text and a position in it.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    /// Checks the bytes' encoding.
    pub(crate) fn new(value: &'a [u8]) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(value).map_err(|error| {
            let at = error.valid_up_to();
            DecodeError::new(Kind::InvalidUtf8, "utf-8", &format!("byte 0x{:02x} at byte {at}", value[at]))
        })?;
        Ok(Self { text, at: 0, depth: 0 })
    }

    /// Position in bytes.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The text from `start` up to the position.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    /// The value that begins at `start`, as it is spelt, or the rest of the text where it is not a value.
    #[cold]
    pub(crate) fn value_at(&self, start: usize) -> &'a str {
        let mut scanner = Self { at: start, ..self.clone() };
        match scanner.skip() {
            Ok(_) => scanner.since(start),
            Err(_) => &self.text[start..],
        }
    }

    /// The kind of the next value; nothing but white space is consumed.
    #[inline]
    pub(crate) fn token(&mut self) -> Result<Token, DecodeError> {
        match self.next_byte() {
            Some(b'"') => Ok(Token::String),
            Some(b'-' | b'0'..=b'9') => Ok(Token::Number),
            Some(b'{') => Ok(Token::Object),
            Some(b'[') => Ok(Token::Array),
            Some(b't') => Ok(Token::True),
            Some(b'f') => Ok(Token::False),
            Some(b'n') => Ok(Token::Null),
            _ => Err(self.malformed("a value")),
        }
    }

    /// Consumes the `true`, `false` or `null` that [`Self::token`] announced.
    #[inline]
    pub(crate) fn word(&mut self, token: Token) -> Result<(), DecodeError> {
        let word = match token {
            Token::True => "true",
            Token::False => "false",
            _ => "null",
        };
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.malformed(&format!("`{word}`")));
        }
        self.at += word.len();
        Ok(())
    }

    /// Consumes the `{` or `[` that [`Self::token`] announced.
    #[inline]
    pub(crate) fn open(&mut self) -> Result<(), DecodeError> {
        if self.depth == MAX_DEPTH {
            let expected = format!("at most {MAX_DEPTH} levels of objects and arrays");
            return Err(DecodeError::new(Kind::TooDeep, expected, &format!("more at byte {}", self.at)));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// The next member's name, its colon consumed; `None` at the object's end. `first` right after [`Self::open`].
    #[inline]
    pub(crate) fn member(&mut self, first: bool) -> Result<Option<JsonString<'a>>, DecodeError> {
        match self.next_byte() {
            Some(b'}') => {
                self.close();
                return Ok(None);
            }
            Some(b',') if !first => self.at += 1,
            Some(b'"') if first => {}
            _ => return Err(self.malformed(if first { "a field's name or `}`" } else { "`,` or `}`" })),
        }
        if self.next_byte() != Some(b'"') {
            return Err(self.malformed("a field's name"));
        }
        let name = self.string()?;
        if self.next_byte() != Some(b':') {
            return Err(self.malformed("`:`"));
        }
        self.at += 1;
        Ok(Some(name))
    }

    /// True before an element, false at the array's end. `first` right after [`Self::open`].
    #[inline]
    pub(crate) fn element(&mut self, first: bool) -> Result<bool, DecodeError> {
        match self.next_byte() {
            Some(b']') => {
                self.close();
                return Ok(false);
            }
            Some(b',') if !first => self.at += 1,
            Some(_) if first => {}
            _ => return Err(self.malformed("`,` or `]`")),
        }
        Ok(true)
    }

    /// Consumes the string that [`Self::token`] announced.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<JsonString<'a>, DecodeError> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut escaped = false;
        self.at = start;
        loop {
            self.at = find_special(bytes, self.at);
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    let Some((_, length)) = escape(&bytes[self.at..]) else {
                        return Err(self.malformed("a valid escape"));
                    };
                    escaped = true;
                    self.at += length;
                }
                Some(_) => return Err(self.malformed("no bare control character in a string")),
                None => return Err(self.malformed("`\"` at a string's end")),
            }
        }
        self.at += 1;
        Ok(JsonString { body: &self.text[start..self.at - 1], escaped })
    }

    /// Consumes the number that [`Self::token`] announced.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<Number<'a>, DecodeError> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        let mut integer = true;
        if self.byte() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'0'..=b'9')) {
            return Err(self.malformed("no zero before a number's other digits"));
        }
        Ok(Number { text: self.since(start), integer })
    }

    /// Consumes one value, checked; true if it holds anything: a scalar that is not null, at any depth.
    pub(crate) fn skip(&mut self) -> Result<bool, DecodeError> {
        let token = self.token()?;
        match token {
            Token::String => self.string().map(|_| true),
            Token::Number => self.number().map(|_| true),
            Token::True | Token::False => self.word(token).map(|()| true),
            Token::Null => self.word(token).map(|()| false),
            Token::Array => {
                self.open()?;
                let (mut first, mut holds) = (true, false);
                while self.element(first)? {
                    first = false;
                    holds |= self.skip()?;
                }
                Ok(holds)
            }
            Token::Object => {
                self.open()?;
                let (mut first, mut holds) = (true, false);
                while self.member(first)?.is_some() {
                    first = false;
                    holds |= self.skip()?;
                }
                Ok(holds)
            }
        }
    }

    /// Checks that nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), DecodeError> {
        match self.next_byte() {
            None => Ok(()),
            Some(_) => Err(self.malformed("nothing after the value")),
        }
    }

    /// A syntax error at the position.
    #[cold]
    fn malformed(&self, expected: &str) -> DecodeError {
        let found = match self.text[floor_boundary(self.text, self.at)..].chars().next() {
            Some(char) => format!("`{char}` at byte {}", self.at),
            None => format!("the end at byte {}", self.at),
        };
        DecodeError::new(Kind::Malformed, expected, &found)
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space.
    #[inline]
    fn next_byte(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                byte => return byte,
            }
        }
    }

    #[inline]
    fn digits(&mut self) -> Result<(), DecodeError> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.malformed("a digit"));
        }
        Ok(())
    }

    #[inline]
    fn close(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }
}

/// The last character boundary at or before `at`.
fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Position of the first `"`, `\` or control character at or after `from`; the length where there is none.
#[inline]
fn find_special(bytes: &[u8], from: usize) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Marks the zero bytes of `x`; a byte above a marked one may be marked wrongly, so only the lowest mark counts.
    let zeros = |x: u64| x.wrapping_sub(LOW) & !x & HIGH;
    let mut at = from;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("the chunk has eight bytes"));
        let controls = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
        let marks = controls | zeros(word ^ (LOW * u64::from(b'"'))) | zeros(word ^ (LOW * u64::from(b'\\')));
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    at + bytes[at..].iter().position(special).unwrap_or(bytes.len() - at)
}

/// The character that an escape spells and the escape's length; `None` unless `bytes` begins with a valid one.
fn escape(bytes: &[u8]) -> Option<(char, usize)> {
    let char = match bytes.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(bytes),
        _ => return None,
    };
    Some((char, 2))
}

fn unicode_escape(bytes: &[u8]) -> Option<(char, usize)> {
    let first = hex4(bytes.get(2..6)?)?;
    if let Some(char) = char::from_u32(first) {
        return Some((char, 6));
    }
    // A surrogate: only the high one of a pair, with the low one right behind it, spells a character. (A low one in the
    // first place comes to more than the last character.)
    if bytes.get(6..8)? != b"\\u" {
        return None;
    }
    let second = hex4(bytes.get(8..12)?)?;
    if !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    let char = char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?;
    Some((char, 12))
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}
