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

// mix blends the colors of a stamp with those of the image below it, by the formulas of Compositing and Blending Level 1 of the W3C
// (section 5.1), in which alpha counts only afterwards; libvips blends colors that are multiplied by it. out is the stamp that, laid
// on the image as it is, gives the result: it lies at (*left, *top), and only where it covers the image. It is NULL if that is nowhere.
static int
mix(VipsObject *scope, VipsImage *in, VipsImage *stamp, VipsImage **out, int *left, int *top, VipsBlendMode mode)
{
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 14);
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
		vips_composite2(t[2], t[3], &t[5], mode, "compositing_space", in->Type, NULL) ||
		vips_extract_band(t[5], &t[6], 0, "n", 3, NULL) ||
		vips_cast(t[6], &t[7], in->BandFmt, NULL))
		return -1;
	mixed = t[7];
	if (vips_image_hasalpha(in)) {
		// Where there is little below, the colors of the stamp stay as they are.
		if (vips_extract_band(t[0], &t[8], 3, NULL) ||
			vips_bandjoin2(mixed, t[8], &t[9], NULL) ||
			vips_composite2(t[3], t[9], &t[10], VIPS_BLEND_MODE_OVER, "compositing_space", in->Type, NULL) ||
			vips_extract_band(t[10], &t[11], 0, "n", 3, NULL) ||
			vips_cast(t[11], &t[12], in->BandFmt, NULL))
			return -1;
		mixed = t[12];
	}
	*left = x;
	*top = y;
	return vips_bandjoin2(mixed, t[4], &t[13], NULL) ||
		vips_copy(t[13], out, "interpretation", in->Type, NULL);
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
	if (vips_composite2(in, upper, &t[1], mode, "x", left, "y", top, "compositing_space", in->Type, NULL) ||
		vips_cast(t[1], &t[2], in->BandFmt, NULL))
		goto end;
	if (vips_image_hasalpha(in) || removes)
		result = vips_copy(t[2], out, NULL);
	else
		result = vips_extract_band(t[2], out, 0, "n", in->Bands, NULL);
end:
	g_object_unref(scope);
	return result;
}
