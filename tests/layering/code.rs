//! Rust sources as tokens, without comments and literals: what a file *uses* is not what it talks about.

use std::iter::Peekable;
use std::str::Chars;

/// One token and its line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// An identifier or keyword, or one character of punctuation.
    pub text: String,
    /// Its line.
    pub line: usize,
}

/// The identifiers and punctuation of a source. Numbers come out as identifiers; lifetimes are left out.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: source.chars().peekable(), line: 1 };
    let mut found = Vec::new();
    while let Some(first) = lexer.next() {
        let line = lexer.line;
        match first {
            '/' if lexer.peek() == Some('/') => lexer.skip_while(|c| c != '\n'),
            '/' if lexer.peek() == Some('*') => lexer.skip_block_comment(),
            '"' => lexer.skip_string(),
            '\'' => lexer.skip_char_or_lifetime(),
            c if c.is_alphanumeric() || c == '_' => {
                if let Some(text) = lexer.word(c) {
                    found.push(Token { text, line });
                }
            }
            c if c.is_whitespace() => {}
            c => found.push(Token { text: c.to_string(), line }),
        }
    }
    found
}

/// The lines on which a path begins with `krate`: `krate::x`, `use krate;`, but not `other::krate::x` or `a.krate`.
pub fn uses_of(krate: &str, tokens: &[Token]) -> Vec<usize> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let before = |at: usize, back: usize| at.checked_sub(back).map_or("", text);
    let begins = |at: usize| match before(at, 1) {
        "." => false,
        // `::krate` is a path from the root; `x::krate` and `<T>::krate` are somebody's member.
        ":" => match before(at, 3) {
            "use" | "return" | "in" | "as" | "dyn" | "impl" | "mut" | "match" => true,
            word => !word.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '>'),
        },
        _ => true,
    };
    let goes_on = |at: usize| {
        (text(at + 1) == ":" && text(at + 2) == ":")
            || (before(at, 1) == "use" && matches!(text(at + 1), ";" | "as"))
            || (before(at, 2) == "extern" && before(at, 1) == "crate")
    };
    let here = |at: &usize| tokens[*at].text == krate && begins(*at) && goes_on(*at);
    (0..tokens.len()).filter(here).map(|at| tokens[at].line).collect()
}

struct Lexer<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.next();
        }
    }

    fn skip_block_comment(&mut self) {
        let (mut depth, mut last) = (0, '/');
        while let Some(c) = self.next() {
            match (last, c) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    last = c;
                    continue;
                }
            }
            if depth == 0 {
                return;
            }
            last = ' ';
        }
    }

    /// After the opening quote.
    fn skip_string(&mut self) {
        while let Some(c) = self.next() {
            match c {
                '\\' => drop(self.next()),
                '"' => return,
                _ => {}
            }
        }
    }

    /// After `r` of a raw string and its `hashes`, at the opening quote.
    fn skip_raw_string(&mut self, hashes: usize) {
        self.next();
        while let Some(c) = self.next() {
            if c == '"' && (0..hashes).all(|_| self.rest.next_if_eq(&'#').is_some()) {
                return;
            }
        }
    }

    /// After the quote: `'a'`, `'\n'` and `'a`.
    fn skip_char_or_lifetime(&mut self) {
        match self.next() {
            Some('\\') => {
                self.next();
                self.skip_while(|c| c != '\'');
                self.next();
            }
            Some(_) if self.peek() == Some('\'') => drop(self.next()),
            _ => self.skip_while(|c| c.is_alphanumeric() || c == '_'),
        }
    }

    /// A word that begins with `first`; `None` if it turns out to be the prefix of a literal.
    fn word(&mut self, first: char) -> Option<String> {
        let mut word = String::from(first);
        while let Some(c) = self.rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
            word.push(c);
        }
        let raw = matches!(word.as_str(), "r" | "br" | "cr");
        match self.peek() {
            Some('"') if raw => self.skip_raw_string(0),
            Some('"') if matches!(word.as_str(), "b" | "c") => {
                self.next();
                self.skip_string();
            }
            Some('\'') if word == "b" => {
                self.next();
                self.skip_char_or_lifetime();
            }
            Some('#') if raw => {
                let mut hashes = 0;
                while self.rest.next_if_eq(&'#').is_some() {
                    hashes += 1;
                }
                // Otherwise `r#word`: the word itself comes next.
                if self.peek() == Some('"') {
                    self.skip_raw_string(hashes);
                }
            }
            _ => return Some(word),
        }
        None
    }
}
