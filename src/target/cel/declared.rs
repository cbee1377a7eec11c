//! Whether all that an expression names is there: cel-go refuses what is not when it compiles.

use cel::IdedExpr;
use cel::common::ast::CallExpr;
use cel::common::ast::EntryExpr;
use cel::common::ast::Expr;
use cel::common::ast::LiteralValue;
use cel::common::ast::SourceInfo;

use crate::target::expression::Expression;

/// The types that have a name.
const TYPES: [&str; 10] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];

/// The functions, each with the numbers of arguments that it takes by itself and as a method.
const FUNCTIONS: [(&str, &[usize], &[usize]); 26] = [
    ("size", &[1], &[0]),
    ("contains", &[], &[1]),
    ("startsWith", &[], &[1]),
    ("endsWith", &[], &[1]),
    ("matches", &[2], &[1]),
    ("type", &[1], &[]),
    ("dyn", &[1], &[]),
    ("bool", &[1], &[]),
    ("bytes", &[1], &[]),
    ("double", &[1], &[]),
    ("int", &[1], &[]),
    ("string", &[1], &[]),
    ("uint", &[1], &[]),
    ("duration", &[1], &[]),
    ("timestamp", &[1], &[]),
    ("getDate", &[], &[0, 1]),
    ("getDayOfMonth", &[], &[0, 1]),
    ("getDayOfWeek", &[], &[0, 1]),
    ("getDayOfYear", &[], &[0, 1]),
    ("getFullYear", &[], &[0, 1]),
    ("getHours", &[], &[0, 1]),
    ("getMilliseconds", &[], &[0, 1]),
    ("getMinutes", &[], &[0, 1]),
    ("getMonth", &[], &[0, 1]),
    ("getSeconds", &[], &[0, 1]),
    ("@not_strictly_false", &[1], &[]),
];

/// What was found in an expression on the way.
#[derive(Debug, Default)]
pub struct Found {
    /// The regular expressions that stand there as they are.
    pub patterns: Vec<(String, Expression)>,
    /// Whether there is a loop.
    pub loops: bool,
}

/// How many operations stand within each other.
pub fn depth(node: &IdedExpr) -> usize {
    1 + children(node).into_iter().map(depth).max().unwrap_or(0)
}

fn children(node: &IdedExpr) -> Vec<&IdedExpr> {
    match &node.expr {
        Expr::Call(call) => call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect(),
        Expr::Comprehension(looped) => vec![
            &looped.iter_range,
            &looped.accu_init,
            &looped.loop_cond,
            &looped.loop_step,
            &looped.result,
        ],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            })
            .collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

/// Whether `name` stands in the expression as the name of a value, in either way to write it.
pub fn has_name(node: &IdedExpr, name: &str) -> bool {
    let is_here = match &node.expr {
        Expr::Select(select) => select.field == name,
        Expr::Literal(LiteralValue::String(text)) => text.inner() == name,
        _ => false,
    };
    is_here
        || children(node)
            .into_iter()
            .any(|child| has_name(child, name))
}

/// Looks up all names. The error is worded to follow the name of the key.
pub fn check(node: &IdedExpr, source: &SourceInfo) -> Result<Found, String> {
    let mut scope = Scope {
        source,
        variables: vec!["body"],
        found: Found::default(),
    };
    scope.check(node)?;
    Ok(scope.found)
}

/// What can be named at one place of an expression.
struct Scope<'e> {
    source: &'e SourceInfo,
    variables: Vec<&'e str>,
    found: Found,
}

impl<'e> Scope<'e> {
    fn check(&mut self, node: &'e IdedExpr) -> Result<(), String> {
        match &node.expr {
            Expr::Ident(name) => self.check_name(name, node),
            Expr::Struct(made) => Err(self.undeclared(&made.type_name, node)),
            Expr::Comprehension(looped) => {
                self.found.loops = true;
                self.check(&looped.iter_range)?;
                self.check(&looped.accu_init)?;
                let n_before = self.variables.len();
                self.variables.push(&looped.accu_var);
                self.check(&looped.result)?;
                self.variables.push(&looped.iter_var);
                self.variables.extend(looped.iter_var2.as_deref());
                self.check(&looped.loop_cond)?;
                self.check(&looped.loop_step)?;
                self.variables.truncate(n_before);
                Ok(())
            }
            Expr::Call(call) => {
                self.check_call(call, node)?;
                self.check_children(node)
            }
            _ => self.check_children(node),
        }
    }

    fn check_children(&mut self, node: &'e IdedExpr) -> Result<(), String> {
        children(node)
            .into_iter()
            .try_for_each(|child| self.check(child))
    }

    fn check_name(&self, name: &str, node: &IdedExpr) -> Result<(), String> {
        if self.variables.contains(&name) || TYPES.contains(&name) {
            return Ok(());
        }
        let why = self.undeclared(name, node);
        Err(format!("{why}; the variable is called body"))
    }

    fn check_call(&mut self, call: &CallExpr, node: &IdedExpr) -> Result<(), String> {
        let name = call.func_name.as_str();
        let is_operator = !name.starts_with(|c: char| c.is_ascii_alphabetic());
        let known = FUNCTIONS.iter().find(|(known, ..)| *known == name);
        let Some((_, global, member)) = known else {
            return if is_operator && call.target.is_none() {
                Ok(())
            } else {
                Err(self.undeclared(name, node))
            };
        };
        let n_args = call.args.len();
        let taken = if call.target.is_some() {
            member
        } else {
            global
        };
        if !taken.contains(&n_args) {
            let at = self.place(node);
            return Err(format!(
                "is no CEL expression: {name} cannot be called with {n_args} arguments like this at {at}"
            ));
        }
        if let ("matches", Some(Expr::Literal(LiteralValue::String(pattern)))) =
            (name, call.args.last().map(|arg| &arg.expr))
        {
            let pattern = pattern.inner();
            let made = Expression::new(pattern).map_err(|why| {
                let at = self.place(node);
                format!("is no CEL expression: what matches is to find at {at} {why}")
            })?;
            self.found.patterns.push((pattern.to_owned(), made));
        }
        Ok(())
    }

    fn undeclared(&self, name: &str, node: &IdedExpr) -> String {
        let at = self.place(node);
        format!("is no CEL expression: undeclared reference to {name:?} at {at}")
    }

    /// Line and column of a node, both from 1.
    fn place(&self, node: &IdedExpr) -> String {
        let (start, _) = self.source.offset_for(node.id).unwrap_or_default();
        let start = usize::try_from(start).unwrap_or_default();
        let before: String = self.source.source.chars().take(start).collect();
        let line = before.split('\n').count();
        let column = before.split('\n').next_back().unwrap_or_default();
        format!("{line}:{}", column.chars().count() + 1)
    }
}
