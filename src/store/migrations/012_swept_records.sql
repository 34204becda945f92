-- What is over is deleted by its time, and whether some account knows a browser is asked by the browser alone.
-- needs: 011
create index sessions_expires on sessions (expires_at);
create index known_browsers_browser on known_browsers (browser);
