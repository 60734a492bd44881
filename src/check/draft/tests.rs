use super::manifest_text::EXAMPLES;
use super::*;

fn drafted(files: &[(&str, &str)]) -> Draft {
    let sources: Vec<Source> = files
        .iter()
        .map(|(path, text)| Source {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        })
        .collect();
    draft(&sources)
}

/// `path: needs` for each need, with `!` if guessed and `closed` if required.
fn told(draft: &Draft) -> Vec<String> {
    let line = |need: &Need| {
        format!(
            "{}{}: {}{}",
            if need.guessed { "!" } else { "" },
            need.path,
            need.needs.join(" "),
            if need.closed { " closed" } else { "" }
        )
    };
    draft.needs.iter().map(line).collect()
}

/// `path: needs` for each need inside a container.
fn told_inside(draft: &Draft) -> Vec<String> {
    let line = |inside: &Inside| format!("{}: {}", inside.path, inside.needs.join(" "));
    draft.insides.iter().map(line).collect()
}

#[test]
fn a_unit_tells_user_and_paths() {
    let draft = drafted(&[(
        "deploy/app.service",
        "[Unit]\nDescription=x\n[Service]\nUser=www-data\nWorkingDirectory=/srv/app\nReadWritePaths=/srv/app/data -/srv/app/logs\n\
         EnvironmentFile=-/etc/app.env\nStateDirectory=app\nExecStart=/srv/app/venv/bin/gunicorn app:wsgi\n",
    )]);
    assert_eq!(
        draft.users,
        [(
            "www-data".to_owned(),
            "deploy/app.service line 4: User".to_owned()
        )]
    );
    assert_eq!(
        told(&draft),
        [
            "/srv/app/: traverse",
            "/srv/app/data: read write",
            "/srv/app/logs: read write",
            "!/etc/app.env:  closed",
            "/srv/app/venv/bin/gunicorn: exec",
        ]
    );
}

#[test]
fn the_arguments_of_a_server_tell_where_it_listens() {
    let ports = |command: &str| {
        let unit = format!("[Service]\nUser=app\n{command}\n");
        let draft = drafted(&[("app.service", &unit)]);
        draft.ports.into_iter().map(|(port, _)| port).collect()
    };
    let asked: Vec<(&str, Vec<u16>)> = vec![
        (
            "ExecStart=/srv/venv/bin/gunicorn -b 0.0.0.0:80 -w 4 app:wsgi",
            vec![80],
        ),
        (
            "ExecStart=/srv/venv/bin/gunicorn --bind=[::]:443 app:wsgi",
            vec![443],
        ),
        (
            "ExecStart=/srv/venv/bin/uvicorn --port 80 app:app",
            vec![80],
        ),
        ("ExecStart=/usr/bin/python3 -m http.server 80", vec![80]),
        (
            "ExecStart=/srv/venv/bin/uvicorn --port 8000 app:app",
            vec![],
        ),
        // systemd gives it the privilege.
        (
            "AmbientCapabilities=CAP_NET_BIND_SERVICE\nExecStart=/srv/venv/bin/gunicorn -b :80 app",
            vec![],
        ),
    ];
    for (command, expected) in asked {
        let found: Vec<u16> = ports(command);
        assert_eq!(found, expected, "{command}");
    }
    let image = drafted(&[(
        "Dockerfile",
        "FROM x\nEXPOSE 80/tcp 8080\nCMD [\"gunicorn\", \"-b\", \"0.0.0.0:443\", \"app\"]\n",
    )]);
    assert_eq!(image.ports, []);
    let inside: Vec<u16> = image.ports_inside.iter().map(|(port, _)| *port).collect();
    assert_eq!(inside, [80, 443]);
}

#[test]
fn the_last_stage_of_a_dockerfile_counts() {
    let draft = drafted(&[(
        "Dockerfile",
        "FROM rust AS build\nUSER builder\nFROM debian\nWORKDIR /app\nCOPY . .\nVOLUME [\"/data\", \"/cache\"]\nUSER 10001:10001\nENTRYPOINT [\"./entrypoint.sh\"]\n",
    )]);
    assert_eq!(draft.users[0].0, "10001:10001");
    assert_eq!(draft.users.len(), 1);
    assert_eq!(told(&draft), [""; 0]);
    assert_eq!(
        told_inside(&draft),
        [
            "/app/: traverse",
            "/data/: read write",
            "/cache/: read write",
            "/app/entrypoint.sh: exec"
        ]
    );
}

#[test]
fn compose_tells_bind_mounts_and_not_named_volumes() {
    let draft = drafted(&[(
        "ops/compose.yaml",
        "services:\n  web:\n    image: x\n    user: \"1000:1000\"\n    volumes:\n      - ./data:/data\n      - ../conf/app.ini:/etc/app.ini:ro\n      - cache:/cache\n      - type: bind\n        source: /srv/up\n        target: /up\n\
        \x20   env_file: .env\n  db:\n    volumes: [db:/var/lib/db, \"./init:/init:ro\"]\nvolumes:\n  cache:\n",
    )]);
    assert_eq!(draft.users[0].0, "1000:1000");
    assert_eq!(
        told(&draft),
        [
            "!ops/data: read write",
            "!conf/app.ini: read",
            "!/srv/up: read write",
            "!ops/.env:  closed",
            "!ops/init: read",
        ]
    );
    assert_eq!(
        told_inside(&draft),
        [
            "/data: read write",
            "/etc/app.ini: read",
            "/cache: read write",
            "/up: read write",
            "/var/lib/db: read write",
            "/init: read"
        ]
    );
}

#[test]
fn django_settings_tell_where_files_go() {
    let draft = drafted(&[(
        "shop/shop/settings.py",
        "BASE_DIR = Path(__file__).resolve().parent.parent\n\
         DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'db.sqlite3'}}\n\
         MEDIA_ROOT = os.path.join(BASE_DIR, 'var', 'media')\nSTATIC_ROOT = '/srv/static'\n\
         LOGGING = {'handlers': {'f': {'filename': BASE_DIR / \"logs\" / \"app.log\"}}}\nMEDIA_URL = '/media/'\n",
    )]);
    assert_eq!(
        told(&draft),
        [
            "!shop/db.sqlite3: create",
            "!shop/: read write",
            "!shop/var/media/: read write",
            "!/srv/static/: read",
            "!shop/logs/: read write",
        ]
    );
}

#[test]
fn a_pod_tells_its_user_and_where_its_volumes_are_inside() {
    let draft = drafted(&[(
        "deploy/web.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  securityContext:\n    runAsUser: 10001\n  containers:\n  - name: web\n    volumeMounts:\n    - name: data\n      mountPath: /app/data\n    - name: config\n      mountPath: /etc/app\n      readOnly: true\n  volumes:\n  - name: data\n    hostPath:\n      path: /srv/data\n",
    )]);
    assert_eq!(draft.users[0].0, "10001");
    assert_eq!(told(&draft), ["!/srv/data: read write"]);
    assert_eq!(
        told_inside(&draft),
        ["/app/data/: read write", "/etc/app/: read"]
    );
}

#[test]
fn a_node_server_tells_what_it_writes_and_where_it_listens() {
    let draft = drafted(&[(
        "server.js",
        "const multer = require('multer');\nconst upload = multer({ dest: 'uploads/' });\nfs.createWriteStream('logs/access.log', { flags: 'a' });\nfs.mkdirSync('/var/lib/web', { recursive: true });\napp.listen(process.env.PORT || 80, () => {});\n",
    )]);
    assert_eq!(
        told(&draft),
        [
            "!uploads/: read write",
            "!logs/access.log: create",
            "!/var/lib/web/: read write"
        ]
    );
    assert_eq!(draft.ports[0].0, 80);
}

#[test]
fn flask_settings_tell_the_upload_folder_and_the_database() {
    let draft = drafted(&[(
        "shop/app.py",
        "from flask import Flask\napp.config['UPLOAD_FOLDER'] = 'uploads'\napp.config['SQLALCHEMY_DATABASE_URI'] = 'sqlite:///shop.db'\ndb = sqlite3.connect('data/a.db')\nlogging.basicConfig(filename='app.log')\napp.run(host='0.0.0.0', port=80)\n",
    )]);
    assert_eq!(draft.ports[0].0, 80);
    assert_eq!(
        told(&draft),
        [
            "!shop/uploads/: read write",
            "!shop/instance/: read write",
            "!shop/data/: read write",
            "!shop/app.log: create"
        ]
    );
}

#[test]
fn the_draft_is_a_manifest() {
    let draft = drafted(&[
        ("a.service", "User=app\nWorkingDirectory=/srv/a \"b\"\n"),
        ("Dockerfile", "FROM x\nUSER other\n"),
    ]);
    let text = draft.to_toml(|_| true);
    let manifest = super::super::manifest::parse(&text, std::path::Path::new("/p"))
        .unwrap_or_else(|mistake| panic!("{mistake:?}\n{text}"));
    assert_eq!(manifest.user.as_deref(), Some("app"));
    assert!(text.contains("# also: other (Dockerfile line 2: USER)"));
    // The examples must be valid when they are uncommented.
    let start = EXAMPLES.find("# groups").expect("there are examples");
    let examples: String = EXAMPLES[start..]
        .lines()
        .map(|line| {
            line.trim_start_matches("# ")
                .trim_start_matches('#')
                .to_owned()
                + "\n"
        })
        .collect();
    let whole = super::super::manifest::parse(&examples, std::path::Path::new("/p"));
    let whole = whole.unwrap_or_else(|mistake| panic!("{mistake:?}\n{examples}"));
    assert_eq!(whole.paths.len(), 4);
    let unknown = draft.to_toml(|_| false);
    assert!(unknown.contains("\n# user = \"app\""), "{unknown}");
    let empty = drafted(&[]).to_toml(|_| true);
    assert!(super::super::manifest::parse(&empty, std::path::Path::new("/p")).is_ok());
}
