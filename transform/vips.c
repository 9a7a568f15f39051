#define _GNU_SOURCE // for dl_iterate_phdr and RTLD_DEFAULT
#include "vips.h"

#include <dlfcn.h>
#include <string.h>
#include <time.h>

#ifdef __linux__
#include <link.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#include <pthread.h>
#endif

// govips refers to this function, which the pinned libvips is built without. No loader but those below is ever used.
__attribute__((weak)) int
vips_magickload_buffer(void *buffer, size_t length, VipsImage **out, ...)
{
	vips_error("magickload", "%s", "not linked");
	return -1;
}

static int keeps_memory = 0;

// calotype_set_up is to be called once, before any work. It blocks every loader and saver that libvips' authors do not
// trust with hostile bytes, keeps glibc from holding freed pixels in an arena for each thread that ever ran, and has the time zone
// read, which the first colour profile that is made asks for: later, in a worker, no file can be opened.
void
calotype_set_up(void)
{
	vips_block_untrusted_set(TRUE);
	tzset();
#ifdef __GLIBC__
	if (!keeps_memory)
		mallopt(M_ARENA_MAX, 2);
#endif
}

// calotype_keep_memory is for a process that does one job after another: what a job has freed stays for the next one, which then
// need not have it zeroed page by page. To be called before any work.
void
calotype_keep_memory(void)
{
	keeps_memory = 1;
#ifdef __GLIBC__
	// The usual 8 MB for the stack of each thread, hardly touched, would use up the address space that a job may have; 2 MB are what
	// libvips asks for where the system gives less.
	pthread_attr_t attributes;

	if (pthread_getattr_default_np(&attributes) == 0) {
		pthread_attr_setstacksize(&attributes, 2 << 20);
		pthread_setattr_default_np(&attributes);
		pthread_attr_destroy(&attributes);
	}
	mallopt(M_ARENA_MAX, 1); // heaps of other arenas shrink whenever they can
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 48 << 20);
#endif
}

// calotype_release_memory gives free memory back if there is more of it than most jobs use.
void
calotype_release_memory(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
	struct mallinfo2 info = mallinfo2();

	if (info.fordblks > 48 << 20)
		malloc_trim(0);
#endif
}

#ifdef __linux__
static int
count_library(struct dl_phdr_info *info, size_t size, void *count)
{
	++*(int *) count;
	return 0;
}
#endif

// calotype_loaded_libraries counts the shared libraries of this process. Where it cannot, it says that one has come since the last
// time, so that nobody relies on the contrary.
int
calotype_loaded_libraries(void)
{
#ifdef __linux__
	int count = 0;

	dl_iterate_phdr(count_library, &count);
	return count;
#else
	static int count = 0;

	return ++count;
#endif
}

// calotype_can tells whether libvips has an operation, such as jpegload_source, that is not blocked.
int
calotype_can(const char *operation)
{
	GType type = vips_type_find("VipsOperation", operation);

	return type && !(VIPS_OPERATION_CLASS(g_type_class_ref(type))->flags & VIPS_OPERATION_BLOCKED);
}

// calotype_decodes_hevc tells whether libheif, if libvips is linked to a shared one, has a decoder of HEVC.
int
calotype_decodes_hevc(void)
{
	const int hevc = 1; // heif_compression_HEVC
	int (*have_decoder)(int) = (int (*)(int)) dlsym(RTLD_DEFAULT, "heif_have_decoder_for_format");

	return have_decoder && have_decoder(hevc);
}

// calotype_set_profile gives an image a color profile, of which it keeps a copy.
void
calotype_set_profile(VipsImage *image, const void *profile, size_t length)
{
	vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, profile, length);
}

// load opens an image for reading from top to bottom, and takes the source. Damage is an error, never a gray area.
static int
load(VipsSource *source, CalotypeLoader loader, int shrink, int page, int n, VipsImage **out)
{
	int result = -1;

	if (!source)
		return -1;
	switch (loader) {
	case LOAD_JPEG:
		result = vips_jpegload_source(source, out, "access", VIPS_ACCESS_SEQUENTIAL,
			"fail_on", VIPS_FAIL_ON_ERROR, "shrink", shrink, NULL);
		break;
	case LOAD_PNG:
		result = vips_pngload_source(source, out, "access", VIPS_ACCESS_SEQUENTIAL,
			"fail_on", VIPS_FAIL_ON_ERROR, NULL);
		break;
	case LOAD_GIF:
		result = vips_gifload_source(source, out, "access", VIPS_ACCESS_SEQUENTIAL,
			"fail_on", VIPS_FAIL_ON_ERROR, "page", page, "n", n, NULL);
		break;
	case LOAD_WEBP:
		result = vips_webpload_source(source, out, "access", VIPS_ACCESS_SEQUENTIAL,
			"fail_on", VIPS_FAIL_ON_ERROR, "page", page, "n", n, NULL);
		break;
	case LOAD_HEIF:
		result = vips_heifload_source(source, out, "access", VIPS_ACCESS_SEQUENTIAL,
			"fail_on", VIPS_FAIL_ON_ERROR, NULL);
		break;
	case LOAD_TIFF:
		result = vips_tiffload_source(source, out, "access", VIPS_ACCESS_SEQUENTIAL,
			"fail_on", VIPS_FAIL_ON_ERROR, NULL);
		break;
	case LOAD_JXL:
		result = vips_jxlload_source(source, out, "access", VIPS_ACCESS_SEQUENTIAL,
			"fail_on", VIPS_FAIL_ON_ERROR, NULL);
		break;
	case LOAD_SVG:
		result = vips_svgload_source(source, out, "access", VIPS_ACCESS_SEQUENTIAL,
			"fail_on", VIPS_FAIL_ON_ERROR, NULL);
		break;
	case LOAD_PDF: // the first page
		result = vips_pdfload_source(source, out, "access", VIPS_ACCESS_SEQUENTIAL,
			"fail_on", VIPS_FAIL_ON_ERROR, "dpi", 150.0, NULL);
		break;
	}
	g_object_unref(source);
	return result;
}

// calotype_load opens an image in a file, from where the file stands.
int
calotype_load(int descriptor, CalotypeLoader loader, int shrink, int page, int n, VipsImage **out)
{
	return load(vips_source_new_from_descriptor(descriptor), loader, shrink, page, n, out);
}

// calotype_load_bytes opens an image of which it keeps a copy.
int
calotype_load_bytes(const void *data, size_t length, CalotypeLoader loader, VipsImage **out)
{
	VipsBlob *blob = vips_blob_copy(data, length);
	VipsSource *source = vips_source_new_from_blob(blob);

	vips_area_unref(VIPS_AREA(blob));
	return load(source, loader, 1, 0, 1, out);
}

// calotype_new_picture makes a picture of sRGB, 8 bits a sample, whose pixels are 0 and are then to be written by the caller.
int
calotype_new_picture(int width, int height, int bands, VipsImage **out, void **pixels)
{
	VipsImage *image = vips_image_new_memory();

	vips_image_init_fields(image, width, height, bands, VIPS_FORMAT_UCHAR, VIPS_CODING_NONE,
		VIPS_INTERPRETATION_sRGB, 1.0, 1.0);
	if (vips_image_write_prepare(image)) {
		g_object_unref(image);
		return -1;
	}
	*pixels = VIPS_IMAGE_ADDR(image, 0, 0);
	memset(*pixels, 0, VIPS_IMAGE_SIZEOF_IMAGE(image));
	*out = image;
	return 0;
}

// calotype_copy_to_memory computes all pixels of an image.
int
calotype_copy_to_memory(VipsImage *in, VipsImage **out)
{
	*out = vips_image_copy_memory(in);
	return *out ? 0 : -1;
}

// calotype_round_to rounds samples and gives them a number format; a cast alone cuts fractions off, by which colors would become darker.
int
calotype_round_to(VipsImage *in, VipsImage **out, VipsBandFormat format)
{
	VipsImage *whole;
	int result;

	if (vips_rint(in, &whole, NULL))
		return -1;
	result = vips_cast(whole, out, format, NULL);
	g_object_unref(whole);
	return result;
}

// calotype_premultiply multiplies the colors by alpha, in the number format of the image.
int
calotype_premultiply(VipsImage *in, VipsImage **out)
{
	VipsImage *t;
	int result;

	if (vips_premultiply(in, &t, NULL))
		return -1;
	result = calotype_round_to(t, out, in->BandFmt);
	g_object_unref(t);
	return result;
}

// calotype_unpremultiply divides the colors by alpha and rounds to a number format.
int
calotype_unpremultiply(VipsImage *in, VipsImage **out, VipsBandFormat format)
{
	VipsImage *t;
	int result;

	if (vips_unpremultiply(in, &t, NULL))
		return -1;
	result = calotype_round_to(t, out, format);
	g_object_unref(t);
	return result;
}

// enlarge changes the size to exactly width times height, neither of which is smaller than before.
static int
enlarge(VipsImage *in, VipsImage **out, int width, int height, VipsKernel kernel)
{
	const char *name = kernel == VIPS_KERNEL_NEAREST ? "nearest" : kernel == VIPS_KERNEL_LINEAR ? "bilinear" : "bicubic";
	VipsInterpolate *interpolate = vips_interpolate_new(name);
	VipsArrayInt *area = vips_array_int_newv(4, 0, 0, width, height);
	double across = (double) width / in->Xsize;
	double down = (double) height / in->Ysize;
	// The center of pixel x lies at x + 0.5, on both sides. libvips takes it to lie at x, where the nearest pixel reaches to x + 1.
	double center = kernel == VIPS_KERNEL_NEAREST ? 0 : 0.5;
	int result = vips_affine(in, out, across, 0.0, 0.0, down, "interpolate", interpolate, "oarea", area,
		"idx", center - 0.5 / across, "idy", center - 0.5 / down, "extend", VIPS_EXTEND_COPY, "premultiplied", TRUE, NULL);

	vips_area_unref(VIPS_AREA(area));
	g_object_unref(interpolate);
	return result;
}

// calotype_resample changes the size to exactly width times height.
int
calotype_resample(VipsImage *in, VipsImage **out, int width, int height, VipsKernel kernel)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 4);
	VipsImage *image = in;
	int across = VIPS_MIN(width, in->Xsize);
	int down = VIPS_MIN(height, in->Ysize);
	int alpha = vips_image_hasalpha(in) && kernel != VIPS_KERNEL_NEAREST;
	int result = -1;

	if (alpha) {
		if (calotype_premultiply(image, &t[0]))
			goto end;
		image = t[0];
	}
	if (across < in->Xsize || down < in->Ysize) {
		if (vips_resize(image, &t[1], (double) across / in->Xsize,
				"vscale", (double) down / in->Ysize, "kernel", kernel, NULL))
			goto end;
		image = t[1];
	}
	if (image->Xsize != across || image->Ysize != down) {
		// libvips rounds on its own account for some factors: the edge is repeated or cut by the pixel in question.
		if (vips_embed(image, &t[2], 0, 0, across, down, "extend", VIPS_EXTEND_COPY, NULL))
			goto end;
		image = t[2];
	}
	if (width > across || height > down) {
		if (enlarge(image, &t[3], width, height, kernel))
			goto end;
		image = t[3];
	}
	result = alpha ? calotype_unpremultiply(image, out, in->BandFmt) : vips_copy(image, out, NULL);
end:
	g_object_unref(scope);
	return result;
}

// calotype_embed lays the image on a canvas of one color, given for all n bands. Parts outside the canvas are cut off.
int
calotype_embed(VipsImage *in, VipsImage **out, int left, int top, int width, int height, double *color, int n)
{
	VipsArrayDouble *background = vips_array_double_new(color, n);
	int result = vips_embed(in, out, left, top, width, height,
		"extend", VIPS_EXTEND_BACKGROUND, "background", background, NULL);

	vips_area_unref(VIPS_AREA(background));
	return result;
}

// calotype_spin rotates clockwise by the angle with this sine and cosine. The center of the image comes to lie on that of a canvas of one color.
int
calotype_spin(VipsImage *in, VipsImage **out, double sine, double cosine, int width, int height, double *color, int n)
{
	VipsArrayDouble *background = vips_array_double_new(color, n);
	VipsArrayInt *area = vips_array_int_newv(4, 0, 0, width, height);
	VipsInterpolate *bicubic = vips_interpolate_new("bicubic");
	int result = vips_affine(in, out, cosine, -sine, sine, cosine, "oarea", area,
		"idx", -(in->Xsize - 1) / 2.0, "idy", -(in->Ysize - 1) / 2.0, "odx", (width - 1) / 2.0, "ody", (height - 1) / 2.0,
		"background", background, "interpolate", bicubic, NULL);

	g_object_unref(bicubic);
	vips_area_unref(VIPS_AREA(area));
	vips_area_unref(VIPS_AREA(background));
	return result;
}

// calotype_lay_on lays an image with alpha on a color. An opaque color, given for the bands but alpha, leaves no alpha; one
// given for all bands is blended and leaves it.
int
calotype_lay_on(VipsImage *in, VipsImage **out, double *color, int n)
{
	VipsObject *scope = VIPS_OBJECT(vips_image_new());
	VipsImage **t = (VipsImage **) vips_object_local_array(scope, 3);
	VipsArrayDouble *background = vips_array_double_new(color, n);
	int result = -1;

	if (n < in->Bands)
		result = vips_flatten(in, out, "background", background, NULL);
	else if (!(t[0] = vips_image_new_from_image(in, color, n)) ||
		vips_composite2(t[0], in, &t[1], VIPS_BLEND_MODE_OVER, "compositing_space", in->Type, NULL) ||
		calotype_round_to(t[1], out, in->BandFmt))
		result = -1;
	else
		result = 0;
	vips_area_unref(VIPS_AREA(background));
	g_object_unref(scope);
	return result;
}

// calotype_frame cuts one frame out of the column that libvips stacks the frames of an animation in.
int
calotype_frame(VipsImage *in, VipsImage **out, int top, int height)
{
	VipsImage *t;
	int result;

	if (vips_extract_area(in, &t, 0, top, in->Xsize, height, NULL))
		return -1;
	result = vips_copy(t, out, NULL);
	g_object_unref(t);
	if (result == 0) {
		vips_image_remove(*out, VIPS_META_PAGE_HEIGHT);
		vips_image_remove(*out, VIPS_META_N_PAGES);
	}
	return result;
}

// calotype_join stacks the frames of an animation, all of one size, in a column.
int
calotype_join(VipsImage **frames, int n, int page_height, VipsImage **out)
{
	VipsImage *t;
	int result;

	if (vips_arrayjoin(frames, &t, n, "across", 1, NULL))
		return -1;
	result = vips_copy(t, out, NULL);
	g_object_unref(t);
	if (result == 0)
		vips_image_set_int(*out, VIPS_META_PAGE_HEIGHT, page_height);
	return result;
}

static int
describes_the_original(const char *name)
{
	return vips_isprefix("exif-", name) || vips_isprefix("xmp-", name) || vips_isprefix("iptc-", name) ||
		vips_isprefix("png-comment-", name);
}

static void *
remove_description(VipsImage *image, const char *name, GValue *value, void *unused)
{
	if (describes_the_original(name))
		vips_image_remove(image, name);
	return NULL;
}

static void *
remove_all_but_copyright(VipsImage *image, const char *name, GValue *value, void *unused)
{
	if (describes_the_original(name) &&
		!vips_isprefix("exif-ifd0-Copyright", name) && !vips_isprefix("exif-ifd0-Artist", name))
		vips_image_remove(image, name);
	return NULL;
}

// calotype_with_metadata returns the image with the metadata that its file may have. The orientation has been applied and
// is gone in any case, and with it the thumbnail, which shows the original.
int
calotype_with_metadata(VipsImage *in, VipsImage **out, CalotypeMetadata which)
{
	if (vips_copy(in, out, NULL))
		return -1;
	vips_autorot_remove_angle(*out);
	vips_image_remove(*out, "jpeg-thumbnail-data");
	if (which == METADATA_NONE)
		vips_image_map(*out, remove_description, NULL);
	else if (which == METADATA_COPYRIGHT)
		vips_image_map(*out, remove_all_but_copyright, NULL);
	return 0;
}

// METADATA are the options of a saver that say what of the image's metadata is written. Before 8.15 libvips had no way to
// write the profile alone; a few fields of EXIF of its own making then come with it.
#if VIPS_MAJOR_VERSION > 8 || VIPS_MINOR_VERSION >= 15
#define METADATA(in, how) "keep", (how)->strip ? VIPS_FOREIGN_KEEP_ICC : VIPS_FOREIGN_KEEP_ALL
#else
#define METADATA(in, how) "strip", (how)->strip && !vips_image_get_typeof(in, VIPS_META_ICC_NAME)
#endif

// The quantization tables of JPEG that take the fewest bytes for the same quality (bench/sweep.md): those of Nicolas Robidoux, the third
// that mozjpeg has beside the example in the standard. libvips without mozjpeg uses that example.
#define ROBIDOUX_TABLES 3

// calotype_save encodes an image. The buffer is to be freed with g_free.
int
calotype_save(VipsImage *in, CalotypeSaver saver, CalotypeSaving *how, void **buffer, size_t *length)
{
	switch (saver) {
	case SAVE_JPEG:
		return vips_jpegsave_buffer(in, buffer, length, "Q", how->quality, METADATA(in, how),
			"optimize_coding", how->effort > 0, "interlace", how->progressive,
			"quant_table", ROBIDOUX_TABLES, "subsample_mode", how->subsample, NULL);
	case SAVE_PNG:
	case SAVE_ICO: // holds a PNG
		if (how->palette > 0)
			return vips_pngsave_buffer(in, buffer, length, METADATA(in, how), "compression", how->effort,
				"palette", TRUE, "effort", how->effort + 1, "bitdepth", how->palette, "interlace", how->progressive, NULL);
		return vips_pngsave_buffer(in, buffer, length, METADATA(in, how), "compression", how->effort,
			"filter", VIPS_FOREIGN_PNG_FILTER_ALL, "interlace", how->progressive, NULL);
	case SAVE_GIF:
		return vips_gifsave_buffer(in, buffer, length, METADATA(in, how), "effort", how->effort,
			"bitdepth", how->palette > 0 ? how->palette : 8, "interlace", how->progressive, NULL);
	case SAVE_WEBP:
		return vips_webpsave_buffer(in, buffer, length, METADATA(in, how), "Q", how->quality,
			"lossless", how->lossless, "effort", how->effort, NULL);
	case SAVE_AVIF:
		return vips_heifsave_buffer(in, buffer, length, METADATA(in, how), "Q", how->quality,
			"compression", VIPS_FOREIGN_HEIF_COMPRESSION_AV1, "effort", how->effort, "bitdepth", 8,
			"lossless", how->lossless, "subsample_mode", how->subsample, NULL);
	case SAVE_JXL:
		return vips_jxlsave_buffer(in, buffer, length, METADATA(in, how), "Q", how->quality,
			"effort", how->effort, "lossless", how->lossless, NULL);
	case SAVE_TIFF:
		return vips_tiffsave_buffer(in, buffer, length, METADATA(in, how),
			"compression", VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE,
			"predictor", VIPS_FOREIGN_TIFF_PREDICTOR_HORIZONTAL, NULL);
	}
	return -1;
}
