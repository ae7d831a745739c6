# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import smtplib
import ssl
from email.message import EmailMessage

to, subject = arg("to", ..., list), arg("subject", ...)
wrong = [address for address in to if "@" not in str(address) or any(mark in str(address) for mark in "\r\n ,")]
if wrong:
    fail(f"{', '.join(map(str, wrong))} is not an e-mail address", "give each address by itself")
host, user = os.environ.get("SMTP_HOST"), os.environ.get("SMTP_USER")
if not host:
    fail("the environment variable SMTP_HOST is not set", "set SMTP_HOST, SMTP_PORT, SMTP_USER and SMTP_PASSWORD, from a secret")
port = int(os.environ.get("SMTP_PORT") or 587)
mail = EmailMessage()
mail["To"], mail["Subject"] = ", ".join(to), " ".join(subject.split())
mail["From"] = os.environ.get("SMTP_FROM") or (user if user and "@" in user else f"couler@{host}")
body, metrics, report = arg("body", subject), input_path("metrics", optional=True), input_path("report", optional=True)
if metrics:
    values = json.loads(pathlib.Path(metrics).read_text())
    body += "\n" + "".join(f"\n{name}: {value:.4g}" for name, value in values.items() if isinstance(value, (int, float)))
mail.set_content(body)
if report:
    text = pathlib.Path(report).read_text(encoding="utf-8", errors="replace")
    html = text.lstrip().lower().startswith(("<!doctype", "<html"))
    mail.add_attachment(text, subtype="html" if html else "markdown", filename="report.html" if html else "report.md")
try:
    secure = ssl.create_default_context()
    with (smtplib.SMTP_SSL(host, port, timeout=30, context=secure) if port == 465 else smtplib.SMTP(host, port, timeout=30)) as server:
        server.ehlo()
        if port != 465 and server.has_extn("starttls"):
            server.starttls(context=secure)
            server.ehlo()
        if user and os.environ.get("SMTP_PASSWORD"):
            server.login(user, os.environ["SMTP_PASSWORD"])
        server.send_message(mail)
except (OSError, smtplib.SMTPException) as error:
    fail(f"the mail server {host}:{port} refused the message: {error}", "check SMTP_HOST, SMTP_PORT, SMTP_USER and SMTP_PASSWORD")
print(f"sent '{mail['Subject']}' to {', '.join(to)}" + (" with the report" if report else ""))
print(f"recipients={len(to)}")
