#include "vips.h"

// split_alpha returns the color bands of an image in *colors and the alpha band in *alpha, which stays NULL where there is none.
static int
split_alpha(VipsImage *in, VipsImage **colors, VipsImage **alpha)
{
	int n = in->Bands - vips_image_hasalpha(in);

	return vips_extract_band(in, colors, 0, "n", n, NULL) ||
		(n < in->Bands && vips_extract_band(in, alpha, n, NULL));
}

// join_alpha gives computed colors the number format of the image they were computed from, and its alpha.
static int
join_alpha(VipsObject *scope, VipsImage *in, VipsImage *colors, VipsImage *alpha, VipsImage **out)
{
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 2);

	if (vips_cast(colors, &t[0], in->BandFmt, NULL))
		return -1;
	if (!alpha)
		return vips_copy(t[0], out, "interpretation", colors->Type, NULL);
	return vips_bandjoin2(t[0], alpha, &t[1], NULL) ||
		vips_copy(t[1], out, "interpretation", colors->Type, NULL);
}

// calotype_affine computes each of 3 colors, or the 1 of a gray image, as a sum of all colors times factors and an offset; results
// are rounded. A gray image may become one of 3 colors: factors then are a column. Alpha stays.
int
calotype_affine(VipsImage *in, VipsImage **out, double *factors, double *offsets, int n)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 7);
	double ones[3] = { 1, 1, 1 };
	double rounding[3] = { 0, 0, 0 };
	int result = -1;

	for (int i = 0; i < n; i++)
		rounding[i] = offsets[i] + 0.5; // the cast cuts fractions off
	if (split_alpha(in, &t[0], &t[1]))
		goto end;
	if (t[0]->Bands == 1) {
		if (vips_linear(t[0], &t[2], factors, rounding, n, NULL))
			goto end;
	}
	else {
		if (!(t[3] = vips_image_new_matrix_from_array(3, 3, factors, 9)) ||
			vips_recomb(t[0], &t[4], t[3], NULL) ||
			vips_linear(t[4], &t[2], ones, rounding, n, NULL))
			goto end;
	}
	if (vips_copy(t[2], &t[5], "interpretation", n == in->Bands - vips_image_hasalpha(in) ? in->Type :
			in->BandFmt == VIPS_FORMAT_USHORT ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB, NULL))
		goto end;
	result = join_alpha(scope, in, t[5], t[1], out);
end:
	g_object_unref(scope);
	return result;
}

// calotype_map replaces every sample of a color by the entry of a table that it is the index of: 256 entries of 8 bits, or 65,536 of 16.
int
calotype_map(VipsImage *in, VipsImage **out, void *table, int deep)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 4);
	int entries = deep ? 65536 : 256;
	int result = -1;

	if (split_alpha(in, &t[0], &t[1]) ||
		!(t[2] = vips_image_new_from_memory_copy(table, (size_t) entries * (deep ? 2 : 1), entries, 1, 1,
			deep ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR)) ||
		vips_maplut(t[0], &t[3], t[2], NULL))
		goto end;
	result = join_alpha(scope, in, t[3], t[1], out);
end:
	g_object_unref(scope);
	return result;
}

// calotype_tint keeps the lightness of every pixel and gives all the hue and chroma of one color, which is in sRGB of 8 bits.
int
calotype_tint(VipsImage *in, VipsImage **out, double *color)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 12);
	VipsInterpretation space = in->BandFmt == VIPS_FORMAT_USHORT ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
	double zeros[3] = { 0, 0, 0 };
	double *lab = NULL;
	int n;
	int result = -1;

	if (vips_black(&t[0], 1, 1, "bands", 3, NULL) ||
		vips_linear(t[0], &t[1], zeros, color, 3, "uchar", TRUE, NULL) ||
		vips_copy(t[1], &t[2], "interpretation", VIPS_INTERPRETATION_sRGB, NULL) ||
		vips_colourspace(t[2], &t[3], VIPS_INTERPRETATION_LAB, NULL) ||
		vips_getpoint(t[3], &lab, &n, 0, 0, NULL))
		goto end;
	if (split_alpha(in, &t[4], &t[5]) ||
		vips_colourspace(t[4], &t[6], VIPS_INTERPRETATION_LAB, NULL) ||
		vips_extract_band(t[6], &t[7], 0, NULL) ||
		vips_bandjoin_const(t[7], &t[8], lab + 1, 2, NULL) ||
		vips_copy(t[8], &t[9], "interpretation", VIPS_INTERPRETATION_LAB, NULL) ||
		vips_colourspace(t[9], &t[10], space, NULL))
		goto end;
	result = join_alpha(scope, in, t[10], t[5], out);
end:
	g_free(lab);
	g_object_unref(scope);
	return result;
}

// calotype_levels finds the lightness, in samples of the image, of the pixels that are no darker, or no lighter, than all but so many
// of a hundred.
int
calotype_levels(VipsImage *in, int percent, int *darkest, int *lightest)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 4);
	guint64 spare = (guint64) in->Xsize * in->Ysize * percent / 100;
	guint64 seen = 0;
	guint *counts;
	int result = -1;

	if (vips_colourspace(in, &t[0], in->BandFmt == VIPS_FORMAT_USHORT ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W, NULL) ||
		vips_extract_band(t[0], &t[1], 0, NULL) ||
		vips_hist_find(t[1], &t[2], NULL) ||
		!(t[3] = vips_image_copy_memory(t[2])))
		goto end;
	counts = (guint *) VIPS_IMAGE_ADDR(t[3], 0, 0);
	*darkest = *lightest = 0;
	for (int i = 0; i < t[3]->Xsize; i++) {
		if (seen <= spare)
			*darkest = i;
		seen += counts[i];
		if (counts[i] > 0 && seen - counts[i] + spare < (guint64) in->Xsize * in->Ysize)
			*lightest = i;
	}
	result = 0;
end:
	g_object_unref(scope);
	return result;
}

// calotype_fade multiplies alpha, which the image has, by a factor, and, unless mask is NULL, by a mask of its size of 8 bits.
int
calotype_fade(VipsImage *in, VipsImage **out, double factor, void *mask)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 6);
	VipsImage *alpha;
	int result = -1;

	if (split_alpha(in, &t[0], &t[1]))
		goto end;
	alpha = t[1];
	if (mask) {
		if (!(t[2] = vips_image_new_from_memory_copy(mask, (size_t) in->Xsize * in->Ysize, in->Xsize, in->Ysize, 1, VIPS_FORMAT_UCHAR)) ||
			vips_multiply(alpha, t[2], &t[3], NULL))
			goto end;
		alpha = t[3];
		factor /= 255;
	}
	if (vips_linear1(alpha, &t[4], factor, 0.5, NULL) ||
		vips_cast(t[4], &t[5], in->BandFmt, NULL))
		goto end;
	result = join_alpha(scope, in, t[0], t[5], out);
end:
	g_object_unref(scope);
	return result;
}

// calotype_blur weighs each pixel and n - 1 around it, first across and then down, by whole numbers of a sum.
int
calotype_blur(VipsImage *in, VipsImage **out, double *weights, int n, double sum)
{
	VipsImage *mask = vips_image_new_matrix_from_array(n, 1, weights, n);
	int result;

	if (!mask)
		return -1;
	vips_image_set_double(mask, "scale", sum);
	result = vips_convsep(in, out, mask, "precision", VIPS_PRECISION_INTEGER, NULL);
	g_object_unref(mask);
	return result;
}

// calotype_pixelate averages over squares, which start at the top left corner; those at the other edges are cut.
int
calotype_pixelate(VipsImage *in, VipsImage **out, int side)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 4);
	int across = (in->Xsize + side - 1) / side;
	int down = (in->Ysize + side - 1) / side;
	int result = -1;

	if (vips_embed(in, &t[0], 0, 0, across * side, down * side, "extend", VIPS_EXTEND_COPY, NULL) ||
		vips_shrink(t[0], &t[1], side, side, NULL) ||
		!(t[2] = vips_image_copy_memory(t[1])) ||
		vips_zoom(t[2], &t[3], side, side, NULL))
		goto end;
	result = vips_extract_area(t[3], out, 0, 0, in->Xsize, in->Ysize, NULL);
end:
	g_object_unref(scope);
	return result;
}

// calotype_median takes for each pixel the median of a square around it; beyond the edges their pixels go on.
int
calotype_median(VipsImage *in, VipsImage **out, int side)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 2);
	int result = -1;

	// libvips refuses squares that are larger than the picture.
	if (vips_embed(in, &t[0], side, side, in->Xsize + 2 * side, in->Ysize + 2 * side, "extend", VIPS_EXTEND_COPY, NULL) ||
		vips_median(t[0], &t[1], side, NULL))
		goto end;
	result = vips_extract_area(t[1], out, side, side, in->Xsize, in->Ysize, NULL);
end:
	g_object_unref(scope);
	return result;
}

// calotype_embed_edges lays the image on a canvas that goes on at its edges as extend says.
int
calotype_embed_edges(VipsImage *in, VipsImage **out, int left, int top, int width, int height, VipsExtend extend)
{
	return vips_embed(in, out, left, top, width, height, "extend", extend, NULL);
}

// calotype_embed_blurred lays the image on a copy of itself that covers the canvas and is blurred as calotype_blur does.
int
calotype_embed_blurred(VipsImage *in, VipsImage **out, int left, int top, int width, int height, double *weights, int n, double sum)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 8);
	double factor = VIPS_MAX((double) width / in->Xsize, (double) height / in->Ysize);
	int across = VIPS_MAX(width, (int) (in->Xsize * factor + 0.5));
	int down = VIPS_MAX(height, (int) (in->Ysize * factor + 0.5));
	int alpha = vips_image_hasalpha(in);
	int result = -1;

	if (calotype_resample(in, &t[0], across, down, VIPS_KERNEL_LINEAR) ||
		vips_extract_area(t[0], &t[1], (across - width) / 2, (down - height) / 2, width, height, NULL))
		goto end;
	if (alpha) {
		if (calotype_premultiply(t[1], &t[2]) ||
			calotype_blur(t[2], &t[3], weights, n, sum) ||
			calotype_unpremultiply(t[3], &t[4], in->BandFmt) ||
			vips_composite2(t[4], in, &t[5], VIPS_BLEND_MODE_OVER, "x", left, "y", top, "compositing_space", in->Type, NULL))
			goto end;
		result = vips_cast(t[5], out, in->BandFmt, NULL);
		goto end;
	}
	if (calotype_blur(t[1], &t[2], weights, n, sum))
		goto end;
	result = vips_insert(t[2], in, out, left, top, NULL);
end:
	g_object_unref(scope);
	return result;
}

// calotype_smart_crop cuts out the part that interests most. Colors are multiplied by alpha first, which is then left out: in the number
// format of the image, while libvips would do so in floating point, of which it makes histograms of 16 bits.
int
calotype_smart_crop(VipsImage *in, VipsImage **out, int width, int height, VipsInteresting interesting)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 2);
	VipsImage *visible = in;
	int result = -1;

	if (vips_image_hasalpha(in)) {
		if (calotype_premultiply(in, &t[0]) ||
			vips_extract_band(t[0], &t[1], 0, "n", in->Bands - 1, NULL))
			goto end;
		visible = t[1];
	}
	result = vips_smartcrop(visible, out, width, height, "interesting", interesting, NULL);
end:
	g_object_unref(scope);
	return result;
}

// calotype_corner copies the samples of the top left pixel, one for each band.
int
calotype_corner(VipsImage *in, double *samples)
{
	double *point = NULL;
	int n;

	if (vips_getpoint(in, &point, &n, 0, 0, NULL))
		return -1;
	for (int i = 0; i < in->Bands; i++)
		samples[i] = point[i];
	g_free(point);
	return 0;
}

// first_of counts the zeros at the beginning, or the end, of a row or a column of sums.
static int
first_of(VipsImage *sums, int backwards, int *count)
{
	size_t size;
	guint32 *data;
	int n = sums->Xsize * sums->Ysize;
	int i = 0;

	// vips_project makes unsigned numbers of 32 bits.
	if (sums->BandFmt != VIPS_FORMAT_UINT || !(data = vips_image_write_to_memory(sums, &size)))
		return -1;
	while (i < n && data[backwards ? n - 1 - i : i] == 0)
		i++;
	g_free(data);
	*count = i;
	return 0;
}

// calotype_find_trim finds the box around all pixels that differ from a color, given for all bands but alpha, by more than a threshold;
// transparent pixels count as that color. Without a color it is the box around all that are less transparent than the threshold.
// The box is empty where there are none. vips_find_trim does the same, but looks at every pixel from libvips 8.16 on only.
int
calotype_find_trim(VipsImage *in, double threshold, double *color, int *box)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 9);
	double ones[4] = { 1, 1, 1, 1 };
	double negative[4] = { 0, 0, 0, 0 };
	VipsImage *seen = in;
	int left, top, right, bottom;
	int result = -1;

	if (split_alpha(in, &t[0], &t[1]))
		goto end;
	if (!color)
		seen = t[1];
	else if (t[1]) {
		VipsArrayDouble *background = vips_array_double_new(color, t[0]->Bands);
		int flat = vips_flatten(in, &t[2], "background", background, NULL);

		vips_area_unref(VIPS_AREA(background));
		if (flat)
			goto end;
		seen = t[2];
	}
	for (int i = 0; color && i < seen->Bands; i++)
		negative[i] = -color[i];
	if (vips_linear(seen, &t[3], ones, negative, seen->Bands, NULL) ||
		vips_abs(t[3], &t[4], NULL) ||
		vips_more_const1(t[4], &t[5], threshold, NULL) ||
		vips_bandor(t[5], &t[6], NULL) ||
		vips_project(t[6], &t[7], &t[8], NULL))
		goto end;
	if (first_of(t[7], FALSE, &left) || first_of(t[7], TRUE, &right) ||
		first_of(t[8], FALSE, &top) || first_of(t[8], TRUE, &bottom))
		goto end;
	box[0] = left;
	box[1] = top;
	box[2] = VIPS_MAX(0, in->Xsize - right - left);
	box[3] = VIPS_MAX(0, in->Ysize - bottom - top);
	result = 0;
end:
	g_object_unref(scope);
	return result;
}
