//! What an expression may cost: its loops count their steps, and stop it when there are too many.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cel::ExecutionError;
use cel::IdedExpr;
use cel::common::ast::CallExpr;
use cel::common::ast::ComprehensionExpr;
use cel::common::ast::EntryExpr;
use cel::common::ast::Expr;
use cel::common::ast::LiteralValue;
use cel::common::ast::operators;
use tokio::time::Instant;

/// The function that takes a step. No user can write its name.
pub const STEP: &str = "@step";

/// How many steps the loops of the expressions for a body may take together: the elements of a large
/// document once or twice, and not each of them for each other.
const MAX_STEPS: u64 = 2_000_000;

/// How long these expressions may take. One operation is never cut, and it can be as long as comparing
/// two large documents, or searching one.
const MAX_TIME: Duration = Duration::from_secs(2);

/// What is left of the steps and the time of all expressions for one body; clones share it.
#[derive(Clone, Debug)]
pub struct Budget {
    started: Instant,
    steps_left: Arc<AtomicU64>,
}

impl Budget {
    /// That of any body.
    pub fn full() -> Self {
        Self::of(MAX_STEPS)
    }

    /// One of so many steps, which begins now.
    pub fn of(steps: u64) -> Self {
        Self {
            started: Instant::now(),
            steps_left: Arc::new(AtomicU64::new(steps)),
        }
    }

    /// Takes a step, which is always true, or an error.
    pub fn step(&self) -> Result<bool, ExecutionError> {
        let before = self.steps_left.fetch_sub(1, Ordering::Relaxed);
        if before == 0 {
            self.steps_left.store(0, Ordering::Relaxed);
            return Err(ExecutionError::function_error("loops", "too many steps"));
        }
        if self.started.elapsed() > MAX_TIME {
            let why = format!("not done after {MAX_TIME:?}");
            return Err(ExecutionError::function_error("loops", why));
        }
        Ok(true)
    }
}

/// Has every loop of an expression take a step for each element.
pub fn count_steps(node: &mut IdedExpr) {
    match &mut node.expr {
        Expr::Call(call) => {
            call.target
                .iter_mut()
                .for_each(|target| count_steps(target));
            call.args.iter_mut().for_each(count_steps);
        }
        Expr::Comprehension(looped) => {
            let ComprehensionExpr {
                iter_range,
                accu_init,
                loop_cond,
                loop_step,
                result,
                ..
            } = &mut **looped;
            for part in [iter_range, accu_init, loop_cond, loop_step, result] {
                count_steps(part);
            }
            count_steps_of(looped);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(count_steps),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| {
            if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                count_steps(&mut entry.key);
                count_steps(&mut entry.value);
            }
        }),
        Expr::Select(select) => count_steps(&mut select.operand),
        Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

/// The library appends in place to what `map` and `filter` make, as long as it knows them by the
/// shape of their loops; so the step goes where that is not disturbed, and errors are not absorbed.
fn count_steps_of(looped: &mut ComprehensionExpr) {
    let plain = matches!(looped.loop_cond.expr, Expr::Literal(_));
    match &mut looped.loop_step.expr {
        Expr::Call(call) if plain && call.func_name == operators::CONDITIONAL => {
            call.args.iter_mut().take(1).for_each(after_step);
        }
        Expr::Call(call) if plain && call.func_name == operators::ADD => {
            for arg in &mut call.args {
                if let Expr::List(list) = &mut arg.expr {
                    list.elements.iter_mut().take(1).for_each(after_step);
                }
            }
        }
        _ => after_step(&mut looped.loop_cond),
    }
}

/// Makes `x` into `step() ? x : null`.
fn after_step(node: &mut IdedExpr) {
    let call = |func_name: &str, args| IdedExpr {
        id: 0,
        expr: Expr::Call(CallExpr {
            func_name: func_name.to_owned(),
            target: None,
            args,
        }),
    };
    let null = IdedExpr {
        id: 0,
        expr: Expr::Literal(LiteralValue::Null),
    };
    let before = std::mem::take(node);
    *node = call(
        operators::CONDITIONAL,
        vec![call(STEP, Vec::new()), before, null],
    );
}
