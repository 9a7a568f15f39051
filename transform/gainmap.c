#include "vips.h"

// calotype_open_gain_map looks for a gain map in a JPEG and returns an image, not to be computed, that has it as metadata. The numbers say how
// to read it: of each the three for red, green and blue, the greatest and the least gain, gamma, the offsets of both renditions;
// then the least and the greatest capacity, and whether gains count in the colors of the image.
int
calotype_open_gain_map(int descriptor, VipsImage **out, double *numbers)
{
	static const char *triples[] = { "gainmap-max-content-boost", "gainmap-min-content-boost", "gainmap-gamma", "gainmap-offset-sdr", "gainmap-offset-hdr" };
	VipsSource *source = vips_source_new_from_descriptor(descriptor);
	VipsImage *image;
	double *values;
	int n, base;
	int result;

	if (!source)
		return -1;
	// Called by its name: libvips has it since 8.18.
	result = vips_call("uhdrload_source", source, &image, NULL);
	g_object_unref(source);
	if (result)
		return -1;
	for (int i = 0; i < 5; i++) {
		if (vips_image_get_array_double(image, triples[i], &values, &n) || n != 3)
			goto error;
		for (int k = 0; k < 3; k++)
			numbers[3 * i + k] = values[k];
	}
	if (vips_image_get_double(image, "gainmap-hdr-capacity-min", &numbers[15]) ||
		vips_image_get_double(image, "gainmap-hdr-capacity-max", &numbers[16]) ||
		vips_image_get_int(image, "gainmap-use-base-cg", &base) ||
		!vips_image_get_typeof(image, "gainmap-data"))
		goto error;
	numbers[17] = base;
	*out = image;
	return 0;
error:
	g_object_unref(image);
	return -1;
}

// calotype_gain_map_data returns the JPEG that is the gain map of an image, which goes on owning it, or NULL.
void *
calotype_gain_map_data(VipsImage *in, size_t *length)
{
	const void *data = NULL;

	*length = 0;
	if (vips_image_get_blob(in, "gainmap-data", &data, length))
		return NULL;
	return (void *) data;
}

static void *
remove_field(VipsImage *image, const char *name, GValue *value, void *unused)
{
	vips_image_remove(image, name);
	return NULL;
}

// calotype_decode_gain_map decodes it to memory, without any metadata.
int
calotype_decode_gain_map(VipsImage *in, int shrink, VipsImage **out)
{
	size_t length;
	void *data = calotype_gain_map_data(in, &length);
	VipsImage *t;

	if (!data ||
		vips_jpegload_buffer(data, length, &t, "fail_on", VIPS_FAIL_ON_ERROR, "shrink", shrink, NULL))
		return -1;
	*out = vips_image_copy_memory(t);
	g_object_unref(t);
	if (!*out)
		return -1;
	vips_image_map(*out, remove_field, NULL);
	return 0;
}

// calotype_part cuts out the rectangle at (left, top), of the size across times down, none of which need be a whole number of pixels, and brings it
// to a size.
int
calotype_part(VipsImage *in, VipsImage **out, double left, double top, double across, double down, int width, int height)
{
	VipsArrayInt *area = vips_array_int_newv(4, 0, 0, width, height);
	VipsInterpolate *bilinear = vips_interpolate_new("bilinear");
	// Centers of pixels lie half a pixel inside.
	int result = vips_affine(in, out, width / across, 0, 0, height / down,
		"idx", 0.5 - left, "idy", 0.5 - top, "odx", -0.5, "ody", -0.5,
		"oarea", area, "interpolate", bilinear, "extend", VIPS_EXTEND_COPY, NULL);

	g_object_unref(bilinear);
	vips_area_unref(VIPS_AREA(area));
	return result;
}
