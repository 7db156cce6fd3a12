//! Reads the text form of a type: `long`, `decimal(10,2)`, `list<string>`, `map<string,long>`,
//! `struct<id:long required,`odd name`:string>`. Case and blanks do not matter.

use std::str::FromStr;

use super::{Column, ColumnType, SchemaError};

/// Deeper nesting than this is a mistake, and would only exhaust the stack.
const MAX_DEPTH: usize = 32;
const MAX_PRECISION: u32 = 38;

impl FromStr for ColumnType {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, SchemaError> {
        let mut parser = Parser { text, position: 0 };
        let kind = parser.kind(0)?;
        parser.blanks();
        if parser.position < text.len() {
            return Err(parser.error("nothing more was expected"));
        }
        Ok(kind)
    }
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Parser<'a> {
    fn kind(&mut self, depth: usize) -> Result<ColumnType, SchemaError> {
        if depth > MAX_DEPTH {
            return Err(self.error(&format!("types nest at most {MAX_DEPTH} deep")));
        }
        let start = self.position;
        let word = self.word().to_ascii_lowercase();
        Ok(match word.as_str() {
            "boolean" => ColumnType::Boolean,
            "int" => ColumnType::Int,
            "long" => ColumnType::Long,
            "float" => ColumnType::Float,
            "double" => ColumnType::Double,
            "decimal" => self.decimal()?,
            "date" => ColumnType::Date,
            "time" => ColumnType::Time,
            "timestamp" => ColumnType::Timestamp,
            "timestamptz" => ColumnType::Timestamptz,
            "string" => ColumnType::String,
            "uuid" => ColumnType::Uuid,
            "fixed" => ColumnType::Fixed(self.length()?),
            "binary" => ColumnType::Binary,
            "struct" => ColumnType::Struct(self.fields(depth)?),
            "list" => {
                self.expect("<")?;
                let element = self.kind(depth + 1)?;
                self.expect(">")?;
                ColumnType::List(Box::new(element))
            }
            "map" => {
                self.expect("<")?;
                let key = self.kind(depth + 1)?;
                self.expect(",")?;
                let value = self.kind(depth + 1)?;
                self.expect(">")?;
                ColumnType::Map(Box::new(key), Box::new(value))
            }
            _ => {
                self.position = start;
                return Err(self.error(
                    "expected one of boolean, int, long, float, double, decimal(p,s), date, time, timestamp, \
                     timestamptz, string, uuid, fixed(n), binary, struct<…>, list<…>, map<…,…>",
                ));
            }
        })
    }

    fn decimal(&mut self) -> Result<ColumnType, SchemaError> {
        self.expect("(")?;
        let precision = self.number()?;
        self.expect(",")?;
        let scale = self.number()?;
        if precision == 0 || precision > MAX_PRECISION || scale > precision {
            return Err(self.error(&format!("precision is 1 to {MAX_PRECISION}, scale at most the precision")));
        }
        self.expect(")")?;
        Ok(ColumnType::Decimal { precision, scale })
    }

    fn length(&mut self) -> Result<u32, SchemaError> {
        // Iceberg's JSON writes fixed[16], its documentation fixed(16).
        let close = if self.take("[") { "]" } else { self.expect("(").map(|()| ")")? };
        let length = self.number()?;
        if length == 0 || i32::try_from(length).is_err() {
            return Err(self.error("a length of 1 to 2147483647 was expected"));
        }
        self.expect(close)?;
        Ok(length)
    }

    fn fields(&mut self, depth: usize) -> Result<Vec<Column>, SchemaError> {
        self.expect("<")?;
        let mut fields = Vec::new();
        loop {
            let name = self.name()?;
            self.expect(":")?;
            let kind = self.kind(depth + 1)?;
            let required = self.take("required");
            fields.push(Column { name, kind, required, doc: None });
            if !self.take(",") {
                self.expect(">")?;
                return Ok(fields);
            }
        }
    }

    fn name(&mut self) -> Result<String, SchemaError> {
        if self.take("`") {
            return self.quoted_name();
        }
        let word = self.word();
        if word.is_empty() { Err(self.error("a field name was expected")) } else { Ok(word.to_owned()) }
    }

    fn quoted_name(&mut self) -> Result<String, SchemaError> {
        let mut name = String::new();
        loop {
            let rest = &self.text[self.position..];
            let Some(end) = rest.find('`') else { return Err(self.error("the backtick is not closed")) };
            name.push_str(&rest[..end]);
            self.position += end + 1;
            if !self.text[self.position..].starts_with('`') {
                return Ok(name);
            }
            name.push('`');
            self.position += 1;
        }
    }

    fn number(&mut self) -> Result<u32, SchemaError> {
        let start = self.position;
        self.word().parse().map_err(|_| {
            self.position = start;
            self.error("a number was expected")
        })
    }

    fn word(&mut self) -> &'a str {
        self.blanks();
        let rest = &self.text[self.position..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.position += end;
        &rest[..end]
    }

    fn expect(&mut self, token: &str) -> Result<(), SchemaError> {
        if self.take(token) { Ok(()) } else { Err(self.error(&format!("{token:?} was expected"))) }
    }

    fn take(&mut self, token: &str) -> bool {
        self.blanks();
        let found = self.text[self.position..].get(..token.len()).is_some_and(|at| at.eq_ignore_ascii_case(token));
        if found {
            self.position += token.len();
        }
        found
    }

    fn blanks(&mut self) {
        let rest = &self.text[self.position..];
        self.position += rest.len() - rest.trim_start().len();
    }

    fn error(&self, reason: &str) -> SchemaError {
        SchemaError::Type { text: self.text.to_owned(), reason: reason.to_owned(), position: self.position }
    }
}
