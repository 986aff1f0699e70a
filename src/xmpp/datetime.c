/*
 * datetime.c -- XEP-0082 timestamps.
 *
 * Calendar arithmetic is done here, on the proleptic Gregorian calendar, since timegm and strptime
 * accept more than the format allows.  Years are 0001 to 9999, a leap second is refused, as XML
 * Schema does.
 *
 * Runs on: any thread.
 */
#include "xmpp/datetime.h"

#include <string.h>

enum { DAY = 86400 };

/* Days since 1970-01-01.  Years begin in March here, so that the odd day is the last one. */
static int64_t
days_of(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + in_year - 719468;
}

static int
month_days(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

static void
date_of(int64_t days, int *year, int *month, int *day)
{
	int64_t y = 1970 + (days < 0 ? days / 365 - 1 : days / 366); /* not too late */
	int m = 1;

	while (days_of(y + 1, 1, 1) <= days)
		y++;
	days -= days_of(y, 1, 1);
	while (days >= month_days(y, m))
		days -= month_days(y, m++);
	*year = (int)y;
	*month = m;
	*day = (int)days + 1;
}

/* n digits of v at out. */
static void
put(char *out, int64_t v, int n)
{
	while (n-- > 0) {
		out[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

void
datetime_write(char out[DATETIME_SIZE], msec_t wall)
{
	static const msec_t first = -62135596800000, last = 253402300799999;
	static const char pattern[DATETIME_SIZE] = "0000-00-00T00:00:00.000Z";
	int64_t seconds, days, s;
	int year, month, day;

	if (wall < first)
		wall = first;
	if (wall > last)
		wall = last;
	seconds = wall / 1000 - (wall % 1000 < 0);
	days = seconds / DAY - (seconds % DAY < 0);
	s = seconds - days * DAY;
	date_of(days, &year, &month, &day);
	memcpy(out, pattern, sizeof(pattern));
	put(out, year, 4);
	put(out + 5, month, 2);
	put(out + 8, day, 2);
	put(out + 11, s / 3600, 2);
	put(out + 14, s / 60 % 60, 2);
	put(out + 17, s % 60, 2);
	put(out + 20, wall - seconds * 1000, 3);
}

/* Takes n digits off *text. */
static bool
digits(struct str *text, size_t n, int *out)
{
	int v = 0;

	if (text->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text->p[i] < '0' || text->p[i] > '9')
			return false;
		v = v * 10 + (text->p[i] - '0');
	}
	*text = (struct str){ text->p + n, text->n - n };
	*out = v;
	return true;
}

static bool
literal(struct str *text, char c)
{
	if (text->n == 0 || *text->p != c)
		return false;
	*text = (struct str){ text->p + 1, text->n - 1 };
	return true;
}

/* ".123456": milliseconds, the rest cut off. */
static bool
fraction(struct str *text, int *ms)
{
	int digit, scale = 100;

	*ms = 0;
	if (!literal(text, '.'))
		return true;
	if (!digits(text, 1, &digit))
		return false;
	do {
		*ms += digit * scale;
		scale /= 10;
	} while (digits(text, 1, &digit));
	return true;
}

/* "Z", "+02:00": minutes east. */
static bool
zone(struct str *text, int *minutes)
{
	bool west = text->n > 0 && *text->p == '-';
	int h, m;

	*minutes = 0;
	if (literal(text, 'Z'))
		return true;
	if (!literal(text, '+') && !literal(text, '-'))
		return false;
	if (!digits(text, 2, &h) || !literal(text, ':') || !digits(text, 2, &m))
		return false;
	if (h * 60 + m > 14 * 60 || m > 59)
		return false;
	*minutes = west ? -(h * 60 + m) : h * 60 + m;
	return true;
}

bool
datetime_parse(struct str text, msec_t *out)
{
	int year, month, day, hour, minute, second, ms, east;

	if (!digits(&text, 4, &year) || !literal(&text, '-') || !digits(&text, 2, &month) ||
		!literal(&text, '-') || !digits(&text, 2, &day) || !literal(&text, 'T'))
		return false;
	if (!digits(&text, 2, &hour) || !literal(&text, ':') || !digits(&text, 2, &minute) ||
		!literal(&text, ':') || !digits(&text, 2, &second))
		return false;
	if (!fraction(&text, &ms) || !zone(&text, &east) || text.n > 0)
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*out = (days_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second - east * 60) *
		       1000 +
	       ms;
	return true;
}
