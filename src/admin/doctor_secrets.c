/* The certificate, its key, and the database: whether they are good, and whose they are. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "admin/doctor.h"
#include "store/store.h"

enum { DAYS_TO_RENEW = 14, DAY_S = 86400 };

/* ---- the certificate ---- */

static X509 *certificate_read(const char *path)
{
	FILE *file = fopen(path, "re");
	X509 *certificate = NULL;

	if (file == NULL)
		return NULL;
	certificate = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	return certificate;
}

static void judge_dates(struct doctor *doctor, const X509 *certificate)
{
	int days = 0, seconds = 0;

	if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notBefore(certificate)) == 1 &&
	    (days > 0 || seconds > 0)) {
		doctor_find(doctor, FINDING_ERROR, "look at the clock: timedatectl",
		            "%s is not valid yet, for another %d days", doctor->config->cert, days);
		return;
	}
	if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1)
		doctor_find(doctor, FINDING_ERROR, NULL, "%s has no end that can be read",
		            doctor->config->cert);
	else if (days < 0 || seconds < 0)
		doctor_find(doctor, FINDING_ERROR, "certbot renew",
		            "%s has expired %d days ago: clients refuse it", doctor->config->cert,
		            -days);
	else if (days < DAYS_TO_RENEW)
		doctor_find(doctor, FINDING_WARNING, "certbot renew", "%s expires in %d days",
		            doctor->config->cert, days);
	else
		doctor_find(doctor, FINDING_FINE, NULL, "%s is valid for %d days more",
		            doctor->config->cert, days);
}

void doctor_look_at_certificate(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	X509 *certificate;

	if (config->cert == NULL) {
		if (config->tls || config->dtls)
			doctor_find(doctor, FINDING_NOTE, "set cert and pkey",
			            "there is no certificate: no TLS and DTLS, which strict "
			            "firewalls let through");
		return;
	}
	certificate = certificate_read(config->cert);
	if (certificate == NULL)
		doctor_find(doctor, FINDING_ERROR, "name a file in PEM form",
		            "%s has no certificate that can be read", config->cert);
	else
		judge_dates(doctor, certificate);
	X509_free(certificate);
}

/* ---- its key ---- */

static EVP_PKEY *key_read(const struct config *config)
{
	FILE *file = fopen(config->pkey, "re");
	EVP_PKEY *key = NULL;
	/* Without a password of its own OpenSSL would ask on the terminal. */
	char none[] = "", *password = config->pkey_pwd != NULL ? config->pkey_pwd : none;

	if (file == NULL)
		return NULL;
	key = PEM_read_PrivateKey(file, NULL, NULL, password);
	fclose(file);
	return key;
}

static void judge_match(struct doctor *doctor)
{
	X509 *certificate = certificate_read(doctor->config->cert);
	EVP_PKEY *key = key_read(doctor->config);

	if (key == NULL)
		doctor_find(doctor, FINDING_ERROR, "name its file in PEM form, and pkey-pwd",
		            "%s has no key that can be read", doctor->config->pkey);
	else if (certificate != NULL && X509_check_private_key(certificate, key) != 1)
		doctor_find(doctor, FINDING_ERROR, "name the key that the certificate was made for",
		            "%s is another certificate's key than %s", doctor->config->pkey,
		            doctor->config->cert);
	else
		doctor_find(doctor, FINDING_FINE, NULL, "%s is the certificate's",
		            doctor->config->pkey);
	EVP_PKEY_free(key);
	X509_free(certificate);
}

/* The links that lead to it do not matter. A group may be for this. */
static void judge_mode(struct doctor *doctor, const char *path)
{
	char mend[FINDING_TEXT_SIZE];
	struct stat status;

	if (stat(path, &status) != 0)
		return;
	snprintf(mend, sizeof mend, "chmod %s %.400s",
	         (status.st_mode & S_IRWXO) != 0 ? "o=" : "g-w", path);
	if ((status.st_mode & S_IRWXO) != 0)
		doctor_find(doctor, FINDING_ERROR, mend,
		            "%s has mode %04o: every user of this machine may read it", path,
		            status.st_mode & 07777u);
	else if ((status.st_mode & S_IWGRP) != 0)
		doctor_find(doctor, FINDING_WARNING, mend, "%s may be written to by its group",
		            path);
	else
		doctor_find(doctor, FINDING_FINE, NULL, "%s is not for everyone", path);
}

void doctor_look_at_key(struct doctor *doctor)
{
	if (doctor->config->pkey == NULL || doctor->config->cert == NULL)
		return;
	judge_match(doctor);
	judge_mode(doctor, doctor->config->pkey);
}

/* ---- the database ---- */

/* "Uid:	998	998	998	998": the owner of the folder in /proc is root's when no core is dumped. */
static bool find_running_user(const struct doctor *doctor, uid_t *uid)
{
	char path[64], text[4096];
	const char *line;
	unsigned number;

	snprintf(path, sizeof path, "/proc/%ld/status", doctor->pid);
	if (doctor->pid == 0 || doctor_read(doctor, path, text, sizeof text) != OK)
		return false;
	line = strstr(text, "\nUid:");
	if (line == NULL || sscanf(line, "\nUid:%u", &number) != 1)
		return false;
	*uid = number;
	return true;
}

/* Who opens it: the running server, or who it will be. */
static bool find_server_user(const struct doctor *doctor, uid_t *uid)
{
	const struct passwd *user;

	if (find_running_user(doctor, uid))
		return true;
	user = doctor->config->proc_user != NULL ? getpwnam(doctor->config->proc_user) : NULL;
	if (user != NULL)
		*uid = user->pw_uid;
	return user != NULL;
}

/* SQLite makes its log beside it, so the folder matters as much. */
static void judge_owner(struct doctor *doctor, const char *path)
{
	char mend[FINDING_TEXT_SIZE];
	struct stat status;
	uid_t uid;

	if (!find_server_user(doctor, &uid) || uid == 0 || stat(path, &status) != 0)
		return;
	snprintf(mend, sizeof mend, "chown %u %.400s", (unsigned)uid, path);
	if (status.st_uid != uid)
		doctor_find(doctor, FINDING_ERROR, mend,
		            "%s belongs to user %u, and the server is user %u", path,
		            (unsigned)status.st_uid, (unsigned)uid);
}

static void judge_schema(struct doctor *doctor, const char *path)
{
	struct store *store = NULL;
	char problem[256] = "";

	if (store_open(path, false, &store, problem) != OK) {
		doctor_find(doctor, FINDING_ERROR, NULL, "%s", problem);
		return;
	}
	if (store_is_read_only(store))
		doctor_find(doctor, FINDING_WARNING, NULL, "%s can be read, and not be written to",
		            path);
	else
		doctor_find(doctor, FINDING_FINE, NULL, "%s can be read and written to", path);
	store_close(store);
}

void doctor_look_at_database(struct doctor *doctor)
{
	const char *path = doctor->config->userdb;
	char folder[FINDING_TEXT_SIZE], *slash;

	if (path == NULL)
		return;
	judge_schema(doctor, path);
	judge_mode(doctor, path);
	judge_owner(doctor, path);
	snprintf(folder, sizeof folder, "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return;
	*slash = '\0';
	judge_owner(doctor, folder);
}
