-- Odd rows as old installations hold them: each is of a kind that makes the stock migration from
-- 1.11.10 to 2.3.0 abort, or lose a consent without a word. Applied to blue after the load, for
-- one run. They belong to apps and people of their own, so the traffic never meets them.

-- Two apps. One has what POST /clients has always accepted: a quote in a contact, a backslash in a path.
INSERT INTO hydra_client
SELECT (jsonb_populate_record(c, jsonb_build_object(
           'pk', nextval(pg_get_serial_sequence('hydra_client', 'pk')), 'id', app.id, 'client_name', app.id,
           'contacts', app.contacts, 'redirect_uris', app.redirect_uris, 'scope', app.scope,
           'registration_access_token_signature', ''))).*
  FROM hydra_client c,
       (VALUES ('odd-app', '', 'https://odd-app.rehearse.test/callback', 'openid offline'),
               ('odd-lists', '"Operations" <ops@rehearse.test>', 'https://odd-lists.rehearse.test/a\b',
                'openid offline api."read"')) app (id, contacts, redirect_uris, scope)
 WHERE c.id = (SELECT min(id) FROM hydra_client WHERE grant_types LIKE 'authorization_code%');

-- One line is one login of one person; `n` of each kind.
CREATE TEMP TABLE odd ON COMMIT DROP AS
SELECT kind, md5('odd login ' || kind || n) AS login, md5('odd consent ' || kind || n) AS consent,
       'odd-' || kind || '-' || n AS person, now() AT TIME ZONE 'UTC' - interval '40 days' - n * interval '1 hour' AS at,
       CASE WHEN kind = 'flow_list' THEN 'odd-lists' ELSE 'odd-app' END AS app,
       CASE WHEN kind = 'flow_list' THEN 'openid|offline|api."read"' ELSE 'openid|offline' END AS scope, n
  FROM (VALUES ('unanswered_consent', 3),   -- walked away before 1.0; an old migration deleted the login's answer
               ('unanswered_login', 2),     -- granted, but the answer to the login is gone
               ('shared_login', 2),         -- a double click: two consents of one login
               ('lost_login', 2),           -- granted; the browser session was ended, its login went with it
               ('broken_json', 3),          -- what very old versions and hands wrote into JSON columns
               ('flow_list', 2)) k (kind, many), generate_series(1, many) n;

INSERT INTO hydra_oauth2_authentication_session (id, authenticated_at, subject, remember)
SELECT substr(login, 1, 36), at, person, false FROM odd WHERE kind <> 'lost_login';

INSERT INTO hydra_oauth2_authentication_request
       (challenge, requested_scope, verifier, csrf, subject, request_url, skip, client_id, requested_at, oidc_context,
        login_session_id)
SELECT login, scope, md5('v' || login), md5('c' || login), '', 'http://auth.rehearse.test/oauth2/auth', false, app, at,
       '{}', substr(login, 1, 36)
  FROM odd WHERE kind <> 'lost_login';

INSERT INTO hydra_oauth2_authentication_request_handled
       (challenge, subject, remember, remember_for, error, acr, requested_at, authenticated_at, was_used, context)
SELECT login, person, false, 0, '{}', '', at, at, true, CASE WHEN kind = 'broken_json' AND n = 1 THEN '' ELSE '{}' END
  FROM odd WHERE kind NOT IN ('lost_login', 'unanswered_consent', 'unanswered_login');

INSERT INTO hydra_oauth2_consent_request
       (challenge, verifier, client_id, subject, request_url, skip, requested_scope, csrf, authenticated_at,
        requested_at, oidc_context, login_session_id, login_challenge, context)
SELECT consent, md5('v' || consent), app, person, 'http://auth.rehearse.test/oauth2/auth', false, scope,
       md5('c' || consent), at, at, '{}', CASE WHEN kind <> 'lost_login' THEN substr(login, 1, 36) END,
       CASE WHEN kind <> 'lost_login' THEN login END, '{}'
  FROM odd
UNION ALL
SELECT md5('second ' || consent), md5('second v' || consent), app, person, 'http://auth.rehearse.test/oauth2/auth',
       false, scope, md5('second c' || consent), at, at + interval '1 second', '{}', substr(login, 1, 36), login, '{}'
  FROM odd WHERE kind = 'shared_login';

INSERT INTO hydra_oauth2_consent_request_handled
       (challenge, granted_scope, remember, remember_for, error, requested_at, session_access_token, session_id_token,
        was_used, handled_at)
SELECT consent, scope, true, 0, '{}', at,
       CASE WHEN kind = 'broken_json' AND n = 2 THEN '{"plan":' ELSE '{}' END,
       CASE WHEN kind = 'broken_json' AND n = 3 THEN '{"name":"cut\u0000off"}' ELSE '{}' END, true, at
  FROM odd WHERE kind <> 'unanswered_consent'
UNION ALL
SELECT md5('second ' || consent), scope, false, 0, '{}', at, '{}', '{}', true, at FROM odd WHERE kind = 'shared_login';

-- And one that is in no list: a check of one's own, put on later and never validated. Old rows break it, and so does
-- whatever changes such a row, as the migration does with every row there is.
INSERT INTO hydra_oauth2_logout_request
       (challenge, verifier, subject, sid, client_id, request_url, redir_url, was_used, accepted, rejected, rp_initiated)
SELECT substr(md5('odd logout ' || n), 1, 32), substr(md5('odd logout v ' || n), 1, 32), 'odd-logout-' || n,
       substr(md5('odd logout s ' || n), 1, 32), 'odd-app', '/oauth2/sessions/logout',
       CASE WHEN n = 2 THEN 'http://intranet/bye' ELSE 'https://odd-app.rehearse.test/bye' END, true, true, false, true
  FROM generate_series(1, 5) n;
ALTER TABLE hydra_oauth2_logout_request ADD CONSTRAINT odd_redirects_are_safe
    CHECK (redir_url NOT LIKE 'http://intranet/%') NOT VALID;
