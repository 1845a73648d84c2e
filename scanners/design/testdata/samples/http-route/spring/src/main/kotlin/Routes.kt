import io.ktor.server.routing.*

fun Application.module() {
    routing {
        route("/cars") {
            get("/{id}") { call.respond(1) }
            post { call.respond(2) }
        }
    }
}
