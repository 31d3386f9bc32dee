//! A matchmaking server with the chat inside: `cargo run --example embed`, then twice
//! `curl -X POST http://127.0.0.1:7350/match`. The two players who ask meet in one room.

use actix_web::{App, Error, HttpServer, Responder, error, post, web};
use banter::{ChannelId, Chat, RoomName};
use parking_lot::Mutex;

/// The room of the player who waits for another one.
#[derive(Default)]
pub(crate) struct Lobby(Mutex<Option<ChannelId>>);

#[post("/match")]
async fn find_match(
    chat: web::Data<Chat>,
    lobby: web::Data<Lobby>,
) -> Result<impl Responder, Error> {
    let waiting = lobby.0.lock().take();
    let (room, news) = match waiting {
        Some(room) => (room, r#"{"match":"ready"}"#),
        None => (open_room(&lobby)?, r#"{"match":"waiting"}"#),
    };
    // Kept in the history: who joins the room a moment later finds it there.
    chat.send(&room, "matchmaker", news)
        .await
        .map_err(error::ErrorServiceUnavailable)?;
    Ok(web::Json(
        serde_json::json!({ "channel_id": room.as_str(), "room": room.room_name() }),
    ))
}

fn open_room(lobby: &Lobby) -> Result<ChannelId, Error> {
    let name = format!("match-{}", uuid::Uuid::new_v4());
    let room = ChannelId::room(&RoomName::new(&name).map_err(error::ErrorInternalServerError)?);
    *lobby.0.lock() = Some(room.clone());
    Ok(room)
}

/// The game's own routes and the chat's, side by side.
pub(crate) fn routes(app: &mut web::ServiceConfig, chat: &Chat, lobby: &web::Data<Lobby>) {
    app.app_data(web::Data::new(chat.clone()))
        .app_data(lobby.clone())
        .service(find_match)
        .configure(|app| chat.configure(app));
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let chat = banter::Builder::new(banter::Settings::default())
        .start()
        .await?;
    let (mounted, lobby) = (chat.clone(), web::Data::new(Lobby::default()));
    let server = HttpServer::new(move || App::new().configure(|app| routes(app, &mounted, &lobby)));
    // Until SIGTERM or Ctrl-C: then clients are told, and what is queued is committed.
    chat.serve(server.bind("127.0.0.1:7350")?).await?;
    Ok(())
}
