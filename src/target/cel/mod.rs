//! Expressions about JSON in the Common Expression Language, with the meaning that they have in
//! cel-go.

mod bounded;
mod declared;

use std::fmt;
use std::sync::Arc;
use std::sync::LazyLock;

use cel::Context;
use cel::Env;
use cel::ExecutionError;
use cel::IdedExpr;
use cel::Value;
use cel::common::types::CelBool;
use cel::common::value::Val;
use cel::extractors::This;

pub use crate::target::cel::bounded::Budget;
use crate::target::cel::declared::Found;
use crate::target::expression::Expression;

/// How many bytes an expression may have.
const MAX_BYTES: usize = 8 * 1024;

/// How many operations may stand within each other: they are evaluated by recursion, on the stack of
/// a worker, and each level takes up to 60 KiB of it where nothing is optimised.
const MAX_DEPTH: usize = 32;

/// How deep brackets and calls may be nested.
const MAX_NESTING: u16 = 32;

/// The stack of the thread that parses: enough for that nesting, and for any chain of operations in
/// so many bytes, until its depth is known.
const PARSER_STACK: usize = 64 * 1024 * 1024;

/// The functions whose errors do not quote what they were called with.
const DISCREET: [&str; 8] = [
    "bool",
    "double",
    "int",
    "loops",
    "matches",
    "string",
    "timestamp",
    "uint",
];

/// The functions and types that an expression may name: cel-go's standard ones. `matches` is not
/// among them, as it is made for Go's expressions below.
static STANDARD: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

/// An expression that was found to be in order; `body` is its only variable.
#[derive(Clone)]
pub struct Cel {
    written: String,
    program: Arc<IdedExpr>,
    patterns: Arc<Patterns>,
    loops: bool,
}

/// The regular expressions that stand in an expression as they are, compiled once.
type Patterns = Vec<(String, Expression)>;

impl Cel {
    /// Compiles an expression. The error is worded to follow the name of the key.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("has more than {MAX_BYTES} bytes"));
        }
        if text.trim().is_empty() {
            return Err("is empty".to_owned());
        }
        let (program, found) = std::thread::scope(|scope| {
            std::thread::Builder::new()
                .stack_size(PARSER_STACK)
                .spawn_scoped(scope, || parse(text))
                .map_err(|error| format!("cannot be parsed for want of a thread: {error}"))?
                .join()
                .unwrap_or_else(|_| Err("is no CEL expression that can be parsed".to_owned()))
        })?;
        Ok(Self {
            written: text.to_owned(),
            program: Arc::new(program),
            patterns: Arc::new(found.patterns),
            loops: found.loops,
        })
    }

    /// Whether it goes over lists, so that its time is not that of a few operations.
    pub fn loops(&self) -> bool {
        self.loops
    }

    /// Whether it is true of `body`, as far as the budget goes. The error says why that cannot be
    /// told; it holds no more of the body than the names of types.
    pub fn is_true_of(&self, body: Box<dyn Val>, budget: &Budget) -> Result<bool, String> {
        let mut context = Context::with_env(STANDARD.clone());
        let patterns = self.patterns.clone();
        let matches = move |This(text): This<Arc<String>>, pattern: Arc<String>| {
            matches(&patterns, &text, &pattern)
        };
        let budget = budget.clone();
        let step = move || budget.step();
        context
            .add_function("matches", matches)
            .and_then(|()| context.add_function(bounded::STEP, step))
            .map_err(|error| error.to_string())?;
        context.add_variable_as_val("body", body);
        let result = Value::resolve_val(&self.program, &context);
        match result {
            Ok(value) => match value.downcast_ref::<CelBool>() {
                Some(value) => Ok(*value.inner()),
                None => Err(format!(
                    "its result is {}, no boolean",
                    value.get_type().name()
                )),
            },
            Err(error) => Err(self.why(&error)),
        }
    }

    /// Why it has no result, without the values that the library would show.
    fn why(&self, error: &ExecutionError) -> String {
        match error {
            // Another may be a value of the body.
            ExecutionError::NoSuchKey(key) if declared::has_name(&self.program, key) => {
                format!("no such key: {key}")
            }
            ExecutionError::NoSuchKey(_) => "no such key".to_owned(),
            ExecutionError::NoSuchOverload(overload) => overload.to_string(),
            ExecutionError::UnexpectedType { want, .. } => format!("a value is no {want}"),
            ExecutionError::UnsupportedBinaryOperator(operator, left, right) => format!(
                "no overload of {operator} for {} and {}",
                left.type_of(),
                right.type_of()
            ),
            ExecutionError::ValuesNotComparable(left, right) => {
                format!("{} and {} do not compare", left.type_of(), right.type_of())
            }
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                "division by zero".to_owned()
            }
            ExecutionError::Overflow(..) => "a number does not fit".to_owned(),
            ExecutionError::IndexOutOfBounds(_) => "no such place in a list".to_owned(),
            ExecutionError::FunctionError { function, .. } if !DISCREET.contains(&&**function) => {
                format!("{function}: its arguments are of no use")
            }
            ExecutionError::FunctionError { function, message } => {
                let message: String = message.chars().take(100).collect();
                format!("{function}: {message}")
            }
            _ => "it has no result".to_owned(),
        }
    }
}

fn parse(text: &str) -> Result<(IdedExpr, Found), String> {
    let parser = STANDARD.parser().max_recursion_depth(MAX_NESTING);
    let (mut program, source) = parser
        .parse_with_source_info(text)
        .map_err(|errors| in_words(&errors))?;
    if declared::depth(&program) > MAX_DEPTH {
        let why = format!("has more than {MAX_DEPTH} operations within each other");
        return Err(why);
    }
    let found = declared::check(&program, &source)?;
    bounded::count_steps(&mut program);
    Ok((program, found))
}

/// The function `matches`: of an expression that is not there as it is, only the body knows.
fn matches(patterns: &Patterns, text: &str, pattern: &str) -> Result<bool, ExecutionError> {
    let known = patterns.iter().find(|(written, _)| written == pattern);
    if let Some((_, known)) = known {
        return Ok(known.is_match(text.as_bytes()));
    }
    let made = Expression::new(pattern);
    let made = made.map_err(|why| ExecutionError::function_error("matches", why))?;
    Ok(made.is_match(text.as_bytes()))
}

/// The first thing that the parser found, in one line.
fn in_words(errors: &cel::ParseErrors) -> String {
    let Some(error) = errors.errors.first() else {
        return "is no CEL expression".to_owned();
    };
    let (line, column) = error.pos;
    if error.msg.contains("Recursion limit") {
        return format!("nests deeper than {MAX_NESTING} brackets at {line}:{column}");
    }
    let message = error.msg.trim_start_matches("Syntax error: ");
    // All tokens that could stand there are no help.
    let message = message
        .split_once(" expecting {")
        .map_or(message, |(what, _)| what);
    let printable = message
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let message: String = printable.take(100).collect();
    format!("is no CEL expression: {message} at {line}:{column}")
}

impl fmt::Display for Cel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for Cel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.written, f)
    }
}

impl PartialEq for Cel {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Cel {}

#[cfg(test)]
mod tests;
