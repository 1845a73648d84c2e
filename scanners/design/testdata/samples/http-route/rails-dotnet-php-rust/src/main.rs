use axum::{routing::{get, post}, Router};

pub fn app() -> Router {
    Router::new()
        .route("/users", get(list).post(create))
        .nest("/v2", Router::new().route("/jobs", post(run)))
}
