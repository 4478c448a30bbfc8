# SPDX-License-Identifier: GPL-2.0
"""nginx with sendfile and TLS; curl by HTTP/1.1, by HTTP/2."""

import os

from stage import Running, in_url, must, run, sha, work

PORT = 8081
SOCKETS = 2
CONF = """daemon off; master_process on; worker_processes 2; pid {w}/nginx.pid; error_log stderr;
events {{ worker_connections {n}; }}
http {{ access_log off; sendfile on; client_body_temp_path {w}/b; proxy_temp_path {w}/p; fastcgi_temp_path {w}/f;
uwsgi_temp_path {w}/u; scgi_temp_path {w}/s; client_max_body_size 10m;
server {{ listen 8080 backlog={n}; listen [::]:8080 backlog={n}; listen 8081 ssl http2; listen [::]:8081 ssl http2; root {w}/www;
ssl_certificate {w}/cert.pem; ssl_certificate_key {w}/key.pem; }} }}
"""


def certificate():
    if not os.path.exists(work + "/key.pem"):
        run("server", "kernel", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-keyout", work + "/key.pem", "-out", work + "/cert.pem", "-days", "9", "-subj", "/CN=server")


def serve(stack, connections=512):
    """With room for so many connections in each of two workers."""
    certificate()
    os.makedirs(work + "/www", exist_ok=True)
    with open(work + "/www/a.bin", "wb") as file:
        file.write(os.urandom(1000000))
    with open(work + "/nginx.conf", "w") as file:
        file.write(CONF.format(w=work, n=connections))
    return Running("server", stack, "prlimit", "--nofile=%d" % (2 * connections), "/usr/sbin/nginx", "-e", "stderr", "-c", work + "/nginx.conf", "-g", "user root;")


def use(stack, host):
    host = in_url(host)
    with open(work + "/www/a.bin", "rb") as file:
        want = sha(file.read())
    for name, words in (("HTTP/1.1", ["http://%s:8080/a.bin" % host]),
                        ("HTTP/2", ["--http2", "-k", "https://%s:8081/a.bin" % host])):
        got = run("client", stack, "curl", "-sS", "--max-time", "50", *words)
        must(sha(got) == want, "%s: another file, %d octets" % (name, len(got)))
    out = run("client", stack, "curl", "-sSk", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{num_connects} ",
              "https://%s:8081/a.bin?[1-20]" % host).decode()
    must(out.split()[0::2] == ["2"] * 20 and out.split()[1::2].count("1") == 1, out)
