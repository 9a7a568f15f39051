#include "vips.h"

// calotype_from_samples copies pixels of 4 samples of 8 bits, sRGB and alpha, into an image.
int
calotype_from_samples(void *samples, int width, int height, VipsImage **out)
{
	VipsImage *t = vips_image_new_from_memory_copy(samples, (size_t) width * height * 4, width, height, 4, VIPS_FORMAT_UCHAR);
	int result;

	if (!t)
		return -1;
	result = vips_copy(t, out, "interpretation", VIPS_INTERPRETATION_sRGB, NULL);
	g_object_unref(t);
	return result;
}

// repeat covers a canvas with copies of an image that are a gap apart, of which one has its corner at (left, top).
static int
repeat(VipsObject *scope, VipsImage *in, VipsImage **out, int left, int top, int gap, int width, int height)
{
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 2);
	int across = in->Xsize + gap;
	int down = in->Ysize + gap;
	int x = ((-left) % across + across) % across;
	int y = ((-top) % down + down) % down;

	return vips_embed(in, &t[0], 0, 0, across, down, NULL) ||
		vips_replicate(t[0], &t[1], (x + width + across - 1) / across, (y + height + down - 1) / down, NULL) ||
		vips_extract_area(t[1], out, x, y, width, height, NULL);
}

// compose lays an image on another at (left, top), with fractions of samples: for whole ones libvips cuts them off.
static int
compose(VipsObject *scope, VipsImage *below, VipsImage *above, VipsImage **out, int left, int top, VipsBlendMode mode)
{
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 2);

	return vips_cast(below, &t[0], VIPS_FORMAT_FLOAT, NULL) ||
		vips_cast(above, &t[1], VIPS_FORMAT_FLOAT, NULL) ||
		vips_composite2(t[0], t[1], out, mode, "x", left, "y", top, "compositing_space", below->Type, NULL);
}

// blend computes the colors that a blend mode makes of two images of 3 bands and one size. Where two rules of a mode contradict each
// other, black under color-dodge and white under color-burn stay, other than in libvips.
static int
blend(VipsObject *scope, VipsImage *below, VipsImage *above, VipsImage **out, VipsBlendMode mode)
{
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 5);
	double stays = below->BandFmt == VIPS_FORMAT_USHORT ? 65535 : 255;

	if (compose(scope, below, above, &t[0], 0, 0, mode) ||
		vips_extract_band(t[0], &t[1], 0, "n", 3, NULL))
		return -1;
	if (mode == VIPS_BLEND_MODE_COLOUR_DODGE)
		stays = 0;
	else if (mode != VIPS_BLEND_MODE_COLOUR_BURN)
		return vips_copy(t[1], out, NULL);
	return vips_equal_const1(below, &t[2], stays, NULL) ||
		vips_cast(below, &t[3], VIPS_FORMAT_FLOAT, NULL) ||
		vips_ifthenelse(t[2], t[3], t[1], &t[4], NULL) ||
		vips_copy(t[4], out, "interpretation", below->Type, NULL);
}

// mix blends the colors of a stamp with those of the image below it, by the formulas of Compositing and Blending Level 1 of the W3C
// (section 5.1), in which alpha counts only afterwards; libvips blends colors that are multiplied by it. out is the stamp that, laid
// on the image as it is, gives the result: it lies at (*left, *top), and only where it covers the image. It is NULL if that is nowhere.
static int
mix(VipsObject *scope, VipsImage *in, VipsImage *stamp, VipsImage **out, int *left, int *top, VipsBlendMode mode)
{
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 12);
	int x = VIPS_MAX(*left, 0);
	int y = VIPS_MAX(*top, 0);
	int width = VIPS_MIN(*left + stamp->Xsize, in->Xsize) - x;
	int height = VIPS_MIN(*top + stamp->Ysize, in->Ysize) - y;
	VipsImage *mixed;

	*out = NULL;
	if (width <= 0 || height <= 0)
		return 0;
	if (vips_extract_area(in, &t[0], x, y, width, height, NULL) ||
		vips_extract_area(stamp, &t[1], x - *left, y - *top, width, height, NULL) ||
		vips_extract_band(t[0], &t[2], 0, "n", 3, NULL) ||
		vips_extract_band(t[1], &t[3], 0, "n", 3, NULL) ||
		vips_extract_band(t[1], &t[4], 3, NULL) ||
		blend(scope, t[2], t[3], &t[5], mode))
		return -1;
	mixed = t[5];
	if (vips_image_hasalpha(in)) {
		// Where there is little below, the colors of the stamp stay as they are.
		if (vips_extract_band(t[0], &t[6], 3, NULL) ||
			vips_bandjoin2(mixed, t[6], &t[7], NULL) ||
			vips_copy(t[7], &t[8], "interpretation", in->Type, NULL) ||
			compose(scope, t[3], t[8], &t[9], 0, 0, VIPS_BLEND_MODE_OVER) ||
			vips_extract_band(t[9], &t[10], 0, "n", 3, NULL))
			return -1;
		mixed = t[10];
	}
	*left = x;
	*top = y;
	return vips_bandjoin2(mixed, t[4], &t[11], NULL) ||
		vips_copy(t[11], out, "interpretation", in->Type, NULL);
}

// calotype_lay_over lays a stamp, which has alpha and the bands and number format of the image but for that, on an image of 3 colors,
// with its corner at (left, top); repeated all over it if gap is not negative. The image gets alpha only if the mode may make it more
// transparent.
int
calotype_lay_over(VipsImage *in, VipsImage *stamp, VipsImage **out, int left, int top, int gap, VipsBlendMode mode, int removes)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 4);
	VipsImage *upper = stamp;
	int result = -1;

	if (gap >= 0) {
		if (repeat(scope, stamp, &t[0], left, top, gap, in->Xsize, in->Ysize))
			goto end;
		upper = t[0];
		left = top = 0;
	}
	if (mode != VIPS_BLEND_MODE_OVER && mode != VIPS_BLEND_MODE_ADD && !removes) {
		if (mix(scope, in, upper, &t[3], &left, &top, mode))
			goto end;
		if (!t[3]) {
			result = vips_copy(in, out, NULL);
			goto end;
		}
		upper = t[3];
		mode = VIPS_BLEND_MODE_OVER;
	}
	if (compose(scope, in, upper, &t[1], left, top, mode) ||
		calotype_round_to(t[1], &t[2], in->BandFmt))
		goto end;
	if (vips_image_hasalpha(in) || removes)
		result = vips_copy(t[2], out, NULL);
	else
		result = vips_extract_band(t[2], out, 0, "n", in->Bands, NULL);
end:
	g_object_unref(scope);
	return result;
}
