//! The points of a data file's plot.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use fleetlink_proto::samples::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Http;
use super::super::auth::Authenticated;
use super::super::extract::Fields;
use super::super::limits::PLOT_COLUMNS;
use super::super::problem::{Problem, ProblemDocument};
use super::super::texts::{DataFileText, DeviceText};
use super::range::{self, Scale};
use super::subject::Subject;

/// The columns of a plot that have samples, in their order.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Points {
    /// Of each column's first sample: milliseconds since 1970, or its index.
    t: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
    mean: Vec<f64>,
    count: Vec<u64>,
}

/// The stretch and the columns of a plot.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PlotFields {
    /// The beginning: RFC 3339, milliseconds since 1970, or an index where samples have no times.
    from: Option<String>,
    /// The end, which is not part of it.
    to: Option<String>,
    /// The number of columns.
    #[param(minimum = 1, maximum = 65536, default = 1200)]
    width: Option<u32>,
}

/// Sums up a stretch of a data file by columns of equal width.
#[utoipa::path(get, path = "/api/v1/devices/{device}/data/{file}/points", tag = "data",
    operation_id = "plot_data_file",
    params(("device" = inline(DeviceText), Path), ("file" = inline(DataFileText), Path), PlotFields),
    responses(
        (status = 200, body = Points),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn points(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    subject: Subject,
    Fields(PlotFields { from, to, width }): Fields<PlotFields>,
) -> Result<Json<Points>, Problem> {
    let whole = http.summary(caller, &subject).await?;
    let scale = Scale::of(&whole);
    let width = width.unwrap_or(PLOT_COLUMNS);
    let Some(window) = range::window(from.as_deref(), to.as_deref(), width, scale)? else {
        return Ok(Json(Points::default()));
    };
    let columns = http.columns(subject, window).await?;
    let mut points = Points::default();
    for column in columns {
        let summary = column.summary;
        let (Some(min), Some(max), Some(mean)) = (summary.min(), summary.max(), summary.average())
        else {
            continue;
        };
        points.t.push(scale.shown(column.at));
        points.min.push(number(min));
        points.max.push(number(max));
        points.mean.push(number(mean));
        points.count.push(summary.count());
    }
    Ok(Json(points))
}

/// The nearest floating-point number.
fn number(exact: Decimal) -> f64 {
    exact.to_string().parse().unwrap_or(f64::NAN)
}
