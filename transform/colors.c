#include "vips.h"

#include <string.h>

// calotype_profile returns the ICC profile of an image, which goes on owning it, or NULL.
void *
calotype_profile(VipsImage *in, size_t *length)
{
	const void *profile = NULL;

	*length = 0;
	if (vips_image_get_typeof(in, VIPS_META_ICC_NAME) &&
		vips_image_get_blob(in, VIPS_META_ICC_NAME, &profile, length))
		vips_error_clear();
	return (void *) profile;
}

// calotype_fits_profile tells whether the profile of an image can be kept: it is sound, and for the bands that the image has, and
// these are gray or RGB.
int
calotype_fits_profile(VipsImage *in)
{
	size_t length;
	void *profile = calotype_profile(in, &length);

	switch (in->Type) {
	case VIPS_INTERPRETATION_sRGB:
	case VIPS_INTERPRETATION_RGB:
	case VIPS_INTERPRETATION_RGB16:
	case VIPS_INTERPRETATION_B_W:
	case VIPS_INTERPRETATION_GREY16:
		return profile && vips_icc_is_compatible_profile(in, profile, length);
	default:
		return 0;
	}
}

// is_srgb tells whether an ICC profile is the one that every camera and editor embeds for sRGB, so that a transform would
// change nothing. Its description stands within the first bytes.
static int
is_srgb(const void *profile, size_t length)
{
	static const char name[] = "sRGB IEC61966";
	const char *p = profile;
	size_t most = VIPS_MIN(length, 1024);

	for (size_t i = 0; i + sizeof(name) - 1 <= most; i++)
		if (memcmp(p + i, name, sizeof(name) - 1) == 0)
			return 1;
	return 0;
}

// calotype_is_srgb tells whether an image is sRGB, or gray without a profile, as far as its file says anything of that.
int
calotype_is_srgb(VipsImage *in)
{
	size_t length;
	void *profile = calotype_profile(in, &length);

	return in->Type != VIPS_INTERPRETATION_CMYK && (!profile || is_srgb(profile, length));
}

// The profile of Display P3 that prints carry.
static const void *display_p3;
static size_t display_p3_length;

// calotype_set_display_p3 is to be called once, before any work. It keeps the pointer.
void
calotype_set_display_p3(const void *profile, size_t length)
{
	display_p3 = profile;
	display_p3_length = length;
}

// to_p3 converts by the profile of the image, if embedded says so, or by the one that is to be supposed, to Display P3.
static int
to_p3(VipsImage *in, VipsImage **out, int depth, const char *supposed, int embedded)
{
	VipsImage *t;
	int result;

	if (vips_icc_import(in, &t, "embedded", embedded, "input_profile", supposed, "pcs", VIPS_PCS_LAB, NULL))
		return -1;
	vips_image_set_blob_copy(t, VIPS_META_ICC_NAME, display_p3, display_p3_length);
	result = vips_icc_export(t, out, "pcs", VIPS_PCS_LAB, "depth", depth, NULL);
	g_object_unref(t);
	return result;
}

// transform converts by the profile of the image, or by the one that is to be supposed, to Display P3 or sRGB. A profile that cannot
// be used is left out of account.
static int
transform(VipsImage *in, VipsImage **out, int deep, int p3)
{
	const char *supposed = in->Type == VIPS_INTERPRETATION_CMYK ? "cmyk" : "srgb";
	int depth = deep ? 16 : 8;

	for (int embedded = TRUE; embedded >= FALSE; embedded--) {
		if ((p3 ? to_p3(in, out, depth, supposed, embedded)
				: vips_icc_transform(in, out, "srgb", "embedded", embedded, "input_profile", supposed, "depth", depth, NULL)) == 0)
			return 0;
		if (embedded)
			vips_error_clear();
	}
	return -1;
}

// calotype_to_working converts to what steps and encoders take: RGB or gray, with or without alpha, 8 bits a sample or, if deep,
// 16. The colors are sRGB, without a profile, unless others are asked for: those of the profile that the image has, or Display P3,
// for which an image that is in it already is taken at its word.
int
calotype_to_working(VipsImage *in, VipsImage **out, int deep, CalotypeColors colors)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 6);
	VipsImage *image = in;
	size_t length;
	void *profile = calotype_profile(in, &length);
	int result = -1;
	int gray = in->Bands < 3;
	int cmyk = in->Type == VIPS_INTERPRETATION_CMYK;
	int p3 = colors == COLORS_P3 && !gray;

	if (colors != COLORS_P3_AS_IS && colors != COLORS_OWN &&
		(p3 || cmyk || (profile && !is_srgb(profile, length)))) {
		if (transform(image, &t[0], deep, p3) == 0)
			image = t[0];
		else {
			vips_error_clear();
			t[0] = NULL;
		}
	}
	if (image == in && (in->Type == VIPS_INTERPRETATION_MULTIBAND || in->Type == VIPS_INTERPRETATION_HISTOGRAM)) {
		// A file that does not say what its bands are: by their number they can only be gray or RGB.
		if (vips_copy(image, &t[1], "interpretation",
				in->Bands < 3 ? (deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W)
					: (deep ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB), NULL))
			goto end;
		image = t[1];
	}
	if (vips_colourspace(image, &t[2],
			gray ? (deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W)
				: (deep ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB), NULL))
		goto end;
	image = t[2];
	if (image->Bands > (gray ? 2 : 4)) {
		if (vips_extract_band(image, &t[3], 0, "n", gray ? 2 : 4, NULL))
			goto end;
		image = t[3];
	}
	if (vips_cast(image, &t[4], deep ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR, NULL))
		goto end;
	image = t[4];
	if (p3 && !t[0]) {
		// It could be converted to sRGB only.
		vips_image_remove(image, VIPS_META_ICC_NAME);
		if (transform(image, &t[5], deep, p3))
			goto end;
		image = t[5];
	}
	if (vips_copy(image, out, NULL))
		goto end;
	if (colors != COLORS_OWN)
		vips_image_remove(*out, VIPS_META_ICC_NAME);
	if (p3 || colors == COLORS_P3_AS_IS)
		vips_image_set_blob_copy(*out, VIPS_META_ICC_NAME, display_p3, display_p3_length);
	result = 0;
end:
	g_object_unref(scope);
	return result;
}

// calotype_to_space_of converts an image in sRGB to the space of the profile that another has, which it gets as well.
int
calotype_to_space_of(VipsImage *in, VipsImage *like, VipsImage **out)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 2);
	size_t length;
	void *profile = calotype_profile(like, &length);
	int result = -1;

	if (vips_icc_import(in, &t[0], "input_profile", "srgb", "pcs", VIPS_PCS_LAB, NULL))
		goto end;
	vips_image_set_blob_copy(t[0], VIPS_META_ICC_NAME, profile, length);
	if (vips_icc_export(t[0], &t[1], "pcs", VIPS_PCS_LAB, "depth", in->BandFmt == VIPS_FORMAT_USHORT ? 16 : 8, NULL))
		goto end;
	result = vips_cast(t[1], out, in->BandFmt, NULL);
end:
	g_object_unref(scope);
	return result;
}

// calotype_ink converts a color of sRGB, three samples of 8 bits, to the space of the profile that an image has. A gray image takes the first
// of the three that come out.
int
calotype_ink(VipsImage *in, double *color, double *ink)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 6);
	double *samples;
	int n;
	int result = -1;

	if (!(t[0] = vips_image_new_matrix_from_array(3, 1, color, 3)) ||
		vips_bandfold(t[0], &t[1], NULL) ||
		vips_cast(t[1], &t[2], VIPS_FORMAT_UCHAR, NULL) ||
		vips_copy(t[2], &t[3], "interpretation", VIPS_INTERPRETATION_sRGB, NULL) ||
		calotype_to_space_of(t[3], in, &t[4]) ||
		vips_getpoint(t[4], &samples, &n, 0, 0, NULL))
		goto end;
	for (int i = 0; i < 3; i++)
		ink[i] = samples[VIPS_MIN(i, n - 1)];
	g_free(samples);
	result = 0;
end:
	g_object_unref(scope);
	return result;
}
